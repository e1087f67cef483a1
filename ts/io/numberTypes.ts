/**
 * The types of numbers that files of weights hold, little-endian, and how each becomes 32-bit floats: those of PyTorch, of
 * safetensors and of ONNX, under the names that safetensors gives them. Whole numbers beyond 2^24 are rounded.
 *
 * Values are read in bulk: they are little-endian, as WebAssembly's memory and so all platforms are that run it well.
 */

/** How many bytes a value has, and how values become floats; the buffer begins with the first and ends with the last. */
export interface NumberType {
  bytes: number;
  read(buffer: ArrayBuffer): Float32Array;
}

/** By name. */
export const numberTypes = {
  F32: { bytes: 4, read: (buffer) => new Float32Array(buffer) },
  F64: { bytes: 8, read: (buffer) => new Float32Array(new Float64Array(buffer)) },
  F16: { bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer), halfFloat) },
  BF16: { bytes: 2, read: (buffer) => new Float32Array(Uint32Array.from(new Uint16Array(buffer), upperHalf).buffer) },
  F8_E5M2: { bytes: 1, read: (buffer) => Float32Array.from(new Uint8Array(buffer), (bits) => halfFloat(bits << 8)) },
  F8_E4M3: { bytes: 1, read: (buffer) => Float32Array.from(new Uint8Array(buffer), quarterFloat) },
  I64: { bytes: 8, read: (buffer) => Float32Array.from(Array.from(new BigInt64Array(buffer), Number)) },
  U64: { bytes: 8, read: (buffer) => Float32Array.from(Array.from(new BigUint64Array(buffer), Number)) },
  I32: { bytes: 4, read: (buffer) => new Float32Array(new Int32Array(buffer)) },
  U32: { bytes: 4, read: (buffer) => new Float32Array(new Uint32Array(buffer)) },
  I16: { bytes: 2, read: (buffer) => new Float32Array(new Int16Array(buffer)) },
  U16: { bytes: 2, read: (buffer) => new Float32Array(new Uint16Array(buffer)) },
  I8: { bytes: 1, read: (buffer) => new Float32Array(new Int8Array(buffer)) },
  U8: { bytes: 1, read: (buffer) => new Float32Array(new Uint8Array(buffer)) },
  BOOL: { bytes: 1, read: (buffer) => new Float32Array(new Uint8Array(buffer)) },
} satisfies Record<string, NumberType>;

export type NumberTypeName = keyof typeof numberTypes;

export function isNumberType(name: unknown): name is NumberTypeName {
  return typeof name === 'string' && Object.hasOwn(numberTypes, name);
}

/** The values of a type in some bytes, whose number is a multiple of its own. */
export function readNumbers(type: NumberTypeName, bytes: Uint8Array): Float32Array {
  // A copy, so that each begins where its type may, and keeps no other's memory.
  return numberTypes[type].read(new Uint8Array(bytes).buffer);
}

/** The value of the 16 bits of IEEE 754's half precision. */
export function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The value of 8 bits with an exponent of 4 (Micikevicius et al. 2022), which have no infinity. */
function quarterFloat(bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  const exponent = (bits >> 3) & 15;
  const fraction = bits & 7;
  if (exponent === 15 && fraction === 7) return Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -9 : sign * (8 + fraction) * 2 ** (exponent - 10);
}

/** The 32 bits of a float whose upper half these are. */
function upperHalf(bits: number): number {
  return bits * 2 ** 16;
}
