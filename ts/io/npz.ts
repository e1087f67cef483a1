/**
 * NumPy's files: `.npy`, one array with its type and shape in a header, and `.npz`, a zip archive of them by name. Arrays of
 * numbers are read, little-endian or big-endian, in C order; objects, which are Python programs, are not.
 */
import { DataError } from '../base/errors.js';
import { shapeText, type Tensor } from '../base/tensor.js';
import { halfFloat } from './numberTypes.js';
import { encodeZip, Zip } from './zip.js';

/** Numbers of one type, in C order. */
export interface NpyArray {
  shape: number[];
  /** NumPy's name without the byte order: `u1`, `i8`, `f4`. */
  dtype: Dtype;
  data: Uint8Array | Float32Array | Float64Array;
}

const magic = [0x93, ...Array.from('NUMPY', (letter) => letter.charCodeAt(0))];

type Read = (view: DataView, at: number, little: boolean) => number;

/** Whole numbers beyond 2^53 would come out rounded, and are told apart by it. */
const types = {
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  u2: { bytes: 2, read: (view, at, little) => view.getUint16(at, little) },
  i2: { bytes: 2, read: (view, at, little) => view.getInt16(at, little) },
  u4: { bytes: 4, read: (view, at, little) => view.getUint32(at, little) },
  i4: { bytes: 4, read: (view, at, little) => view.getInt32(at, little) },
  u8: { bytes: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  i8: { bytes: 8, read: (view, at, little) => Number(view.getBigInt64(at, little)) },
  b1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  f2: { bytes: 2, read: (view, at, little) => halfFloat(view.getUint16(at, little)) },
  f4: { bytes: 4, read: (view, at, little) => view.getFloat32(at, little) },
  f8: { bytes: 8, read: (view, at, little) => view.getFloat64(at, little) },
} satisfies Record<string, { bytes: number; read: Read }>;

/** A type of numbers. */
export type Dtype = keyof typeof types;

/** The arrays of an archive by name; each is read when it is asked for. */
export class Npz {
  constructor(private readonly zip: Zip) {}

  /** @throws {DataError} when the bytes are no whole archive. {ConfigError} without the package that reads them. */
  static async open(name: string, bytes: Uint8Array): Promise<Npz> {
    return new Npz(await Zip.open('npz', name, bytes));
  }

  /** Names of all arrays. */
  get names(): string[] {
    return this.zip.files.filter((file) => file.endsWith('.npy')).map((file) => file.slice(0, -4));
  }

  /** @throws {DataError} naming the arrays that there are, or what is wrong with this one. */
  async read(array: string): Promise<NpyArray> {
    const { name } = this.zip;
    if (!this.names.includes(array)) {
      throw new DataError(`${name}: expected an array '${array}', found ${this.names.join(', ') || 'none'}`);
    }
    const file = `${array}.npy`;
    return parseNpy(`${name}: ${file}`, await this.zip.read(file));
  }
}

/** A tensor as a `.npy` file of 32-bit floats. */
function encodeNpy({ shape, data }: Tensor): Uint8Array {
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${extents}), }`;
  // The header ends in a line break where values may begin.
  const length = Math.ceil((10 + text.length + 1) / 64) * 64 - 10;
  const header = new TextEncoder().encode(`${text.padEnd(length - 1)}\n`);
  const file = new Uint8Array(10 + length + data.byteLength);
  file.set([...magic, 1, 0]);
  new DataView(file.buffer).setUint16(8, length, true);
  file.set(header, 10);
  file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), 10 + length);
  return file;
}

/** Tensors as an archive that `numpy.load` reads by name. @throws {ConfigError} without the package that writes it. */
export function encodeNpz(what: string, tensors: Record<string, Tensor>): Promise<Uint8Array> {
  const files = Object.entries(tensors).map(([name, value]) => [`${name}.npy`, encodeNpy(value)] as const);
  return encodeZip(what, files);
}

/** The array of a `.npy` file. @throws {DataError} naming the file. */
export function parseNpy(name: string, bytes: Uint8Array): NpyArray {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw new DataError(`${name}: expected an array of NumPy, found another format`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [lengthAt, start] = bytes[6] === 1 ? [view.getUint16(8, true), 10] : [view.getUint32(8, true), 12];
  const from = start + lengthAt;
  if (from > bytes.length) throw new DataError(`${name}: expected a header of ${from} bytes: the file is truncated`);
  const header = new TextDecoder('latin1').decode(bytes.subarray(start, from));
  const { dtype, little, shape } = parseHeader(name, header);
  const count = shape.reduce((product, extent) => product * extent, 1);
  const { bytes: width, read } = types[dtype] as { bytes: number; read: Read };
  if (bytes.length - from !== count * width) {
    const problem = bytes.length - from < count * width ? 'the file is truncated' : 'there are bytes after the end';
    throw new DataError(
      `${name}: expected ${count * width} bytes for shape ${shapeText(shape)}, found ${bytes.length - from}: ${problem}`,
    );
  }
  if (dtype === 'u1') return { shape, dtype, data: bytes.subarray(from) };
  const data = dtype === 'f4' ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = read(view, from + i * width, little);
  return { shape, dtype, data };
}

interface Header {
  dtype: Dtype;
  little: boolean;
  shape: number[];
}

/** The header is a dictionary as Python writes it. */
function parseHeader(name: string, header: string): Header {
  const descr = /['"]descr['"]:\s*['"]([^'"]*)['"]/.exec(header)?.[1];
  const order = /['"]fortran_order['"]:\s*(True|False)/.exec(header)?.[1];
  const extents = /['"]shape['"]:\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (order === undefined || extents === undefined) {
    throw new DataError(`${name}: expected a header with descr, fortran_order and shape, found ${header.trim()}`);
  }
  const [, byteOrder, dtype] = /^([<>|=])(\w+)$/.exec(descr ?? '') ?? [];
  if (!Object.hasOwn(types, dtype ?? '')) {
    throw new DataError(
      `${name}: expected numbers (${Object.keys(types).join(', ')}), found ${descr ?? header.trim()}`,
    );
  }
  const shape = extents
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (order === 'True' && shape.length > 1) {
    throw new DataError(`${name}: expected C order, found Fortran order; save numpy.ascontiguousarray of it`);
  }
  return { dtype: dtype as Dtype, little: byteOrder !== '>', shape };
}
