/**
 * The safetensors format: what is written is read, every type of numbers, and every way to be wrong is named. The parser
 * itself is imported: in a page there are no files that the public `load` could be given.
 */
import * as fc from 'fast-check';
import { DataError, type Tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../ts/io/checkpoint.js';
import { decodeSafetensors, encodeSafetensors } from '../../ts/io/safetensors.js';

/** A file with this header, as it stands, and these bytes of values. */
function file(header: string | object, values: ArrayLike<number> = []): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + values.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(values, 8 + text.length);
  return bytes;
}

const bytesOf = (array: ArrayBufferView): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const entry = (dtype: unknown, shape: unknown, offsets: unknown) => ({ dtype, shape, data_offsets: offsets });

function read(dtype: string, shape: number[], values: ArrayBufferView): number[] {
  const bytes = bytesOf(values);
  const { tensors } = decodeSafetensors('f', file({ a: entry(dtype, shape, [0, bytes.length]) }, bytes));
  expect(tensors.a.shape).toEqual(shape);
  expect(tensors.a.data.buffer.byteLength).toBe(4 * tensors.a.data.length);
  return Array.from(tensors.a.data);
}

describe('values', () => {
  it('of every type become 32-bit floats', () => {
    expect(read('F32', [2, 1], Float32Array.of(-0.5, 3e38))).toEqual([-0.5, Math.fround(3e38)]);
    expect(read('F64', [3], Float64Array.of(0.1, -2, 1e-50))).toEqual([Math.fround(0.1), -2, 0]);
    expect(read('I64', [], BigInt64Array.of(-7n))).toEqual([-7]);
    expect(read('U64', [1], BigUint64Array.of(2n ** 40n))).toEqual([2 ** 40]);
    expect(read('I32', [2], Int32Array.of(-5, 2 ** 30))).toEqual([-5, 2 ** 30]);
    expect(read('U32', [1], Uint32Array.of(0xff000000))).toEqual([0xff000000]);
    expect(read('I16', [1], Int16Array.of(-300))).toEqual([-300]);
    expect(read('U16', [1], Uint16Array.of(65535))).toEqual([65535]);
    expect(read('I8', [1], Int8Array.of(-128))).toEqual([-128]);
    expect(read('U8', [1], Uint8Array.of(255))).toEqual([255]);
    expect(read('BOOL', [2], Uint8Array.of(0, 1))).toEqual([0, 1]);
    // 1, -2, the largest, the smallest, the smallest normal, infinity, -0.
    const half = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0x8000);
    expect(read('F16', [7], half)).toEqual([1, -2, 65504, 2 ** -24, 2 ** -14, Number.POSITIVE_INFINITY, -0]);
    expect(read('F16', [1], Uint16Array.of(0x7e00))).toEqual([Number.NaN]);
    expect(read('BF16', [4], Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0xff80))).toEqual([
      1,
      -2,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
  });

  it('of no size and at odd places are read', () => {
    const header = { b: entry('F32', [1], [1, 5]), a: entry('U8', [1], [0, 1]), c: entry('F32', [0, 9], [5, 5]) };
    const bytes = file(header, [7, ...bytesOf(Float32Array.of(1.5))]);
    const { tensors } = decodeSafetensors('f', bytes);
    expect(Array.from(tensors.b.data)).toEqual([1.5]);
    expect(tensors.c).toEqual({ shape: [0, 9], data: new Float32Array(0) });
    // Also from the middle of other memory.
    const around = new Uint8Array(bytes.length + 3);
    around.set(bytes, 3);
    expect(decodeSafetensors('f', around.subarray(3)).tensors).toEqual(tensors);
  });

  it('come back as they were written', async () => {
    const tensors = fc.dictionary(
      fc.string({ unit: 'binary' }).filter((name) => !['__proto__', '__metadata__'].includes(name)),
      fc.array(fc.nat(4), { maxLength: 4 }).chain((shape) => {
        const length = shape.reduce((a, b) => a * b, 1);
        return fc.float32Array({ minLength: length, maxLength: length }).map((data): Tensor => ({ shape, data }));
      }),
      { noNullPrototype: true },
    );
    const metadata = fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true });
    await fc.assert(
      fc.property(tensors, metadata, (tensors, metadata) => {
        const content = { tensors, metadata };
        expect(decodeSafetensors('f', encodeSafetensors(content))).toEqual(content);
      }),
    );
  });
});

describe('a file that is wrong', () => {
  const four = [0, 0, 0, 0];
  it.each<[string, Uint8Array, RegExp]>([
    ['nothing', new Uint8Array(0), /expected a safetensors file, got 0 bytes/],
    ['a header longer than the file', file('{}').subarray(0, 9), /got 9 bytes with a header of 2/],
    ['no JSON', file('{"a":'), /expected a JSON header/],
    ['no UTF-8', Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x22, 0x7d), /expected a JSON header/],
    ['a list', file('[]'), /expected a JSON object as the header, got an array of 0/],
    ['null', file('null'), /expected a JSON object as the header, got null/],
    ['spaces first', file(' {}'), /expected a JSON object as the header/],
    ['a null entry', file({ a: null }), /'a': expected \{ dtype, shape, data_offsets \}, got null/],
    ['a number as entry', file({ a: 3 }), /'a': expected \{ dtype, shape, data_offsets \}, got 3/],
    ['null metadata', file({ __metadata__: null }), /__metadata__: expected strings by name, got null/],
    ['metadata that are a list', file({ __metadata__: [] }), /__metadata__: expected strings by name, got an array/],
    ['a number in the metadata', file({ __metadata__: { a: 1 } }), /__metadata__: .* got 1 for 'a'/],
    [
      '__proto__',
      file('{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', four),
      /another name.*__proto__/,
    ],
    ['a key twice', file('{"a":1,"b":2,"\\u0061":3}'), /header: expected each key once, got "\\u0061" twice/],
    ['a key twice inside', file('{"a":{"dtype":"F32","shape":[],"shape":[1]}}'), /got "shape" twice/],
    ['no dtype', file({ a: {} }), /'a': dtype: expected F32, .*got undefined/],
    ['an unknown dtype', file({ a: entry('C64', [], [0, 8]) }, [...four, ...four]), /dtype: expected F32, .*"C64"/],
    ['an inherited dtype', file({ a: entry('constructor', [], [0, 4]) }, four), /dtype: expected F32/],
    [
      'a shape that is no list',
      file({ a: entry('F32', 1, [0, 4]) }, four),
      /shape: expected whole extents >= 0, got 1/,
    ],
    ['half an extent', file({ a: entry('F32', [1.5, 2], [0, 12]) }, [...four, ...four, ...four]), /got \[1.5, 2\]/],
    ['an extent of 2^53', file({ a: entry('F32', [2 ** 53], [0, 4]) }, four), /shape: .*got \[9007199254740992\]/],
    ['a negative extent', file({ a: entry('F32', [-1, -1], [0, 4]) }, four), /shape: .*got \[-1, -1\]/],
    ['an extent as text', file({ a: entry('F32', ['1'], [0, 4]) }, four), /shape: .*got \["1"\]/],
    ['a product beyond all', file({ a: entry('F32', [2 ** 52, 2 ** 52], [0, 4]) }, four), /needs .* bytes/],
    ['no offsets', file({ a: entry('F32', [], undefined) }, four), /data_offsets: expected two whole numbers/],
    ['three offsets', file({ a: entry('F32', [], [0, 4, 8]) }, four), /data_offsets: .*got \[0, 4, 8\]/],
    ['half an offset', file({ a: entry('U8', [1], [0.5, 1.5]) }, four), /data_offsets: .*got \[0.5, 1.5\]/],
    ['offsets as text', file({ a: entry('F32', [], ['0', '4']) }, four), /data_offsets: .*got \["0", "4"\]/],
    ['offsets reversed', file({ a: entry('F32', [], [4, 0]) }, four), /data_offsets: .*begin <= end, got \[4, 0\]/],
    ['too few bytes', file({ a: entry('F32', [2], [0, 4]) }, four), /shape \[2\] of F32 needs 8 bytes, .*give 4/],
    [
      'offsets behind the end',
      file({ a: entry('F32', [2], [0, 8]) }, four),
      /expected 8 bytes of values, got 4: .*truncated/,
    ],
    [
      'bytes behind the end',
      file({ a: entry('F32', [], [0, 4]) }, [...four, 1]),
      /got 5: there are bytes after the end/,
    ],
    ['bytes of nothing', file({}, [1]), /got 1: there are bytes after the end/],
    [
      'tensors that overlap',
      file({ a: entry('U8', [3], [0, 3]), b: entry('U8', [2], [2, 4]) }, four),
      /'b' begin at 2: they and those of 'a' overlap/,
    ],
    ['tensors at one place', file({ a: entry('F32', [], [0, 4]), b: entry('F32', [], [0, 4]) }, four), /overlap/],
    ['a hole', file({ a: entry('U8', [1], [0, 1]), b: entry('U8', [1], [3, 4]) }, four), /leave a hole of 2 bytes/],
    ['a hole at the start', file({ a: entry('U8', [3], [1, 4]) }, four), /they and the header leave a hole of 1 bytes/],
  ])('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors('model.safetensors', bytes)).toThrow(message);
    expect(() => decodeSafetensors('model.safetensors', bytes)).toThrow(/^model\.safetensors: /);
  });

  it('of any bytes is refused as data, or agrees with its header', async () => {
    const structured = fc
      .tuple(fc.json(), fc.uint8Array({ maxLength: 32 }))
      .map(([json, values]) => file(`{"a":${json}}`, values));
    const nearly = fc
      .record({
        dtype: fc.constantFrom('F32', 'U8', 'I64', 'F8'),
        shape: fc.array(fc.oneof(fc.nat(3), fc.double(), fc.integer()), { maxLength: 3 }),
        data_offsets: fc.array(fc.oneof(fc.nat(16), fc.double()), { minLength: 1, maxLength: 3 }),
      })
      .chain((a) => fc.uint8Array({ maxLength: 16 }).map((values) => file({ a }, values)));
    await fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), structured, nearly), (bytes) => {
        try {
          for (const { shape, data } of Object.values(decodeSafetensors('f', bytes).tensors)) {
            expect(data.length).toBe(shape.reduce((a, b) => a * b, 1));
          }
        } catch (error) {
          expect((error as Error).name).toBe('DataError');
        }
      }),
      { numRuns: 1000 },
    );
  });
});

describe("a model's file", () => {
  const spec = { type: 'sequential', layers: [], input: [1, 1, 1] } as unknown as Parameters<typeof encodeModel>[0];

  it('is not written with values that could not be loaded', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const state = {
        good: { shape: [1], data: Float32Array.of(1) },
        'conv.weight': { shape: [2], data: Float32Array.of(0, bad) },
      };
      expect(() => encodeModel(spec, state)).toThrow(`not saved: 'conv.weight' has the value ${bad} at index 1`);
    }
  });

  it('is refused without a description that is an object', () => {
    const withDescription = (text: string) => encodeSafetensors({ tensors: {}, metadata: { 'kwta.model': text } });
    expect(decodeModel('f', withDescription(JSON.stringify(spec))).spec).toEqual(spec);
    const refused = (bytes: Uint8Array, message: RegExp) => {
      expect(() => decodeModel('f', bytes)).toThrow(message);
      // The class as this file's parser has it: the package's own is another.
      expect(() => decodeModel('f', bytes)).toThrow(expect.objectContaining({ name: DataError.name }));
    };
    refused(encodeSafetensors({ tensors: {}, metadata: {} }), /expected a model's description \('kwta.model'\)/);
    refused(withDescription('{'), /expected 'kwta.model' to be JSON/);
    for (const text of ['null', '[]', '3', '"x"', '{}']) refused(withDescription(text), /^f: model[.a-z]*: expected /);
    refused(withDescription('{"type":"a","type":"b"}'), /'kwta.model': expected each key once, got "type" twice/);
  });
});
