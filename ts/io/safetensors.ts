/**
 * The safetensors format (huggingface.co/docs/safetensors): a little-endian u64 with the length of a JSON
 * header, the header, then the values of all tensors. Written are 32-bit floats; read is every type of numbers,
 * rounded to 32-bit floats. The metadata may hold a model's description.
 */
import { DataError } from '../base/errors.js';
import { describe, isSizes, sizeOf, type Tensor } from '../base/tensor.js';
import { checkUniqueKeys } from './json.js';
import { isNumberType, type NumberTypeName, numberTypes, readNumbers } from './numberTypes.js';

/** Longest header that is read; the format's own limit. */
const maxHeader = 100 * 2 ** 20;

interface Entry {
  dtype: NumberTypeName;
  shape: number[];
  data_offsets: [number, number];
}

/** Tensors by name, and strings that go with them. */
export interface SafetensorsContent {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
}

/** A whole file. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsContent): Uint8Array {
  const entries: [string, unknown][] = [['__metadata__', metadata]];
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    checkName('tensors', name);
    entries.push([name, { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] } satisfies Entry]);
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  // Spaces at the end bring the values to a multiple of eight bytes.
  const padding = (8 - (text.length % 8)) % 8;
  const file = new Uint8Array(8 + text.length + padding + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length + padding), true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, 8 + text.length + padding);
  let at = 8 + text.length + padding;
  for (const { data } of Object.values(tensors)) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/** Reads a whole file. @throws {DataError} naming `file` and what is wrong with it. */
export function decodeSafetensors(file: string, bytes: Uint8Array): SafetensorsContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : 0;
  if (length < 2 || length > maxHeader || 8 + length > bytes.length) {
    throw new DataError(`${file}: expected a safetensors file, got ${bytes.length} bytes with a header of ${length}`);
  }
  const { __metadata__: metadata = {}, ...others } = parseHeader(file, bytes.subarray(8, 8 + length));
  const values = bytes.subarray(8 + length);
  const entries = Object.entries(others).map(([name, entry]) => [name, checkEntry(file, name, entry)] as const);
  checkPlaces(file, entries, values.length);
  const tensors = entries.map(([name, { dtype, shape, data_offsets: offsets }]): [string, Tensor] => {
    return [name, { shape, data: readNumbers(dtype, values.subarray(...offsets)) }];
  });
  return { tensors: Object.fromEntries(tensors), metadata: checkMetadata(file, metadata) };
}

function parseHeader(file: string, bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: expected a JSON header`, { cause: error });
  }
  if (typeof header !== 'object' || header === null || !text.startsWith('{')) {
    throw new DataError(`${file}: expected a JSON object as the header, got ${describe(header)}`);
  }
  checkUniqueKeys(`${file}: header`, text);
  return header as Record<string, unknown>;
}

function checkMetadata(file: string, metadata: unknown): Record<string, string> {
  const plain = typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata);
  const wrong = plain ? Object.entries(metadata).find(([, value]) => typeof value !== 'string') : undefined;
  if (!plain || wrong !== undefined) {
    const got = wrong === undefined ? describe(metadata) : `${describe(wrong[1])} for '${wrong[0]}'`;
    throw new DataError(`${file}: __metadata__: expected strings by name, got ${got}`);
  }
  return metadata as Record<string, string>;
}

/** `__metadata__` means something else, and most ways to copy an object with `__proto__` set a prototype instead. */
function checkName(file: string, name: string): void {
  if (name === '__proto__' || name === '__metadata__') {
    throw new DataError(`${file}: expected another name of a tensor than '${name}'`);
  }
}

function checkEntry(file: string, name: string, value: unknown): Entry {
  checkName(file, name);
  const what = `${file}: '${name}'`;
  if (typeof value !== 'object' || value === null) {
    throw new DataError(`${what}: expected { dtype, shape, data_offsets }, got ${describe(value)}`);
  }
  const { dtype, shape, data_offsets: offsets } = value as { [Key in keyof Entry]?: unknown };
  if (!isNumberType(dtype)) {
    throw new DataError(`${what}: dtype: expected ${Object.keys(numberTypes).join(', ')}, got ${describe(dtype)}`);
  }
  if (!isSizes(shape)) throw new DataError(`${what}: shape: expected whole extents >= 0, got ${listText(shape)}`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    throw new DataError(`${what}: data_offsets: expected two whole numbers, begin <= end, got ${listText(offsets)}`);
  }
  const needed = sizeOf(shape) * numberTypes[dtype].bytes;
  if (offsets[1] - offsets[0] !== needed) {
    throw new DataError(
      `${what}: shape ${listText(shape)} of ${dtype} needs ${needed} bytes, data_offsets ${listText(offsets)} give ` +
        `${offsets[1] - offsets[0]}`,
    );
  }
  return { dtype, shape, data_offsets: [offsets[0], offsets[1]] };
}

/** Every byte of the values belongs to one tensor. */
function checkPlaces(file: string, entries: (readonly [string, Entry])[], length: number): void {
  const sorted = entries.map(([name, { data_offsets }]) => [name, ...data_offsets] as const);
  sorted.sort((a, b) => a[1] - b[1] || a[2] - b[2]);
  let end = 0;
  let last = 'the header';
  for (const [name, from, to] of sorted) {
    if (from !== end) {
      const problem = from < end ? 'overlap' : `leave a hole of ${from - end} bytes`;
      throw new DataError(`${file}: the values of '${name}' begin at ${from}: they and ${last} ${problem}`);
    }
    end = to;
    last = `those of '${name}'`;
  }
  if (end !== length) {
    const problem = end > length ? 'the file is truncated' : 'there are bytes after the end';
    throw new DataError(`${file}: expected ${end} bytes of values, got ${length}: ${problem}`);
  }
}

function listText(value: unknown): string {
  if (!Array.isArray(value)) return describe(value);
  const start = value.slice(0, 8).map(describe).join(', ');
  return `[${start}${value.length > 8 ? `, ... (${value.length})` : ''}]`;
}
