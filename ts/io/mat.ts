/**
 * Reads numeric arrays from MATLAB's `.mat` files of level 5, as `save -v7` and SciPy write them: a header of 128 bytes, then
 * elements of a tag and a body, each perhaps deflated. Arrays that are not numeric are passed over.
 */
import { DataError } from '../base/errors.js';
import { inflate } from './gzip.js';

/** In column-major order: the first index runs fastest. */
export interface MatArray {
  shape: number[];
  data: Uint8Array | Float64Array;
}

const headerLength = 128;
const matrix = 14;
const compressed = 15;
/** What classes of arrays hold numbers: double to uint64. */
const numericClasses = { first: 6, last: 15 };
const isComplex = 0x08;

type Read = (view: DataView, at: number, little: boolean) => number;

/** Types of stored numbers by their codes: a class's values may be stored in a smaller type. */
const types: Record<number, { bytes: number; read: Read }> = {
  1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  2: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  4: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  5: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  6: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  7: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  9: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
  12: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  13: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
};
const uint8 = 2;
const int32 = 5;
const text = 1;
const flags = 6;

/** The numeric arrays of a file by name. @throws {DataError} naming the file. */
export async function readMat(name: string, bytes: Uint8Array): Promise<Map<string, MatArray>> {
  if (bytes.length < headerLength) {
    throw new DataError(`${name}: expected a .mat file of level 5, found only ${bytes.length} bytes`);
  }
  const order = String.fromCharCode(bytes[126], bytes[127]);
  if (order !== 'IM' && order !== 'MI') {
    throw new DataError(`${name}: expected a .mat file of level 5, found another format; save with -v7`);
  }
  const little = order === 'IM';
  const arrays = new Map<string, MatArray>();
  const elements = new Elements(name, bytes.subarray(headerLength), little);
  while (!elements.over) {
    const { type, body } = elements.next(false);
    const plain = type === compressed ? await inflated(name, body, little) : { type, body };
    if (plain.type !== matrix) {
      throw new DataError(`${name}: expected an array (type ${matrix}), found type ${plain.type}`);
    }
    const array = parseMatrix(name, plain.body, little);
    if (array !== undefined) arrays.set(array.name, array);
  }
  return arrays;
}

interface Element {
  type: number;
  body: Uint8Array;
}

async function inflated(name: string, body: Uint8Array, little: boolean): Promise<Element> {
  const rule = (_: string, start: Uint8Array): number => {
    if (start.length < 8) throw new DataError(`${name}: expected an array, found ${start.length} bytes`);
    return 8 + viewOf(start).getUint32(4, little);
  };
  const whole = await inflate(name, body, rule, 'zlib');
  return new Elements(name, whole, little).next(true);
}

/** Elements one after another. */
class Elements {
  #at = 0;

  constructor(
    private readonly name: string,
    private readonly bytes: Uint8Array,
    private readonly little: boolean,
  ) {}

  get over(): boolean {
    return this.#at >= this.bytes.length;
  }

  /** @param padded the next one begins at a multiple of eight bytes. */
  next(padded: boolean): Element {
    const { bytes, little, name } = this;
    if (this.#at + 8 > bytes.length) throw new DataError(`${name}: expected an element's tag: the file is truncated`);
    const view = viewOf(bytes);
    const first = view.getUint32(this.#at, little);
    // A body of up to four bytes shares the tag, whose upper half then is its length.
    const small = first >>> 16;
    const length = small || view.getUint32(this.#at + 4, little);
    const from = this.#at + (small ? 4 : 8);
    if (small > 4 || from + length > bytes.length) {
      throw new DataError(
        `${name}: expected an element of ${length} bytes, found ${bytes.length - from}: the file is truncated`,
      );
    }
    this.#at = small ? this.#at + 8 : from + (padded ? 8 * Math.ceil(length / 8) : length);
    return { type: first & 0xffff, body: bytes.subarray(from, from + length) };
  }
}

function parseMatrix(file: string, body: Uint8Array, little: boolean): (MatArray & { name: string }) | undefined {
  const parts = new Elements(file, body, little);
  const kind = parts.next(true);
  if (kind.type !== flags || kind.body.length !== 8) {
    throw new DataError(`${file}: expected an array's flags, found type ${kind.type}`);
  }
  const word = viewOf(kind.body).getUint32(0, little);
  const kindOf = word & 0xff;
  if (kindOf < numericClasses.first || kindOf > numericClasses.last) return undefined;
  const extents = parts.next(true);
  const label = parts.next(true);
  if (extents.type !== int32 || label.type !== text) {
    throw new DataError(`${file}: expected an array's shape and name, found types ${extents.type} and ${label.type}`);
  }
  const name = new TextDecoder('latin1').decode(label.body);
  if ((word >>> 8) & isComplex) throw new DataError(`${file}: expected real numbers in '${name}', found complex ones`);
  const shape = [...numbersOf(file, extents, little)];
  const values = parts.next(true);
  const data = values.type === uint8 ? values.body : numbersOf(file, values, little);
  const count = shape.reduce((product, extent) => product * extent, 1);
  if (data.length !== count) {
    throw new DataError(
      `${file}: expected ${count} values in '${name}' of shape [${shape.join(', ')}], found ${data.length}`,
    );
  }
  return { name, shape, data };
}

function numbersOf(file: string, { type, body }: Element, little: boolean): Float64Array {
  const stored = types[type];
  if (stored === undefined) throw new DataError(`${file}: expected numbers, found values of type ${type}`);
  const view = viewOf(body);
  return Float64Array.from({ length: Math.floor(body.length / stored.bytes) }, (_, i) =>
    stored.read(view, i * stored.bytes, little),
  );
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
