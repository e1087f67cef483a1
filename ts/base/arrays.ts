/**
 * What an array is, asked of the value itself. A class belongs to one realm (a test runner, a frame or `node:vm` has
 * its own), so `instanceof` refuses arrays that are perfectly good; a name may be changed by a minifier.
 */

/** The getter that every typed array inherits: it reads what the array was made as, in whatever realm. */
const tagOf = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)?.get as (
  this: unknown,
) => string | undefined;

/** `'Float32Array'`, `'BigInt64Array'`, ...; `undefined` for all that is not a typed array. */
export function typedArrayName(value: unknown): string | undefined {
  return tagOf.call(value);
}

export function isFloat32Array(value: unknown): value is Float32Array {
  return typedArrayName(value) === 'Float32Array';
}

/** Also a Buffer of Node. */
export function isUint8Array(value: unknown): value is Uint8Array {
  return typedArrayName(value) === 'Uint8Array';
}

export function isInt32Array(value: unknown): value is Int32Array {
  return typedArrayName(value) === 'Int32Array';
}

/** Whether the memory behind an array is shared. */
export function isShared(array: ArrayBufferView): boolean {
  return Object.prototype.toString.call(array.buffer) === '[object SharedArrayBuffer]';
}
