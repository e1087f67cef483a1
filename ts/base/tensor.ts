/** Plain tensors and the checks that every entry point makes on them. */
import { isFloat32Array } from './arrays.js';
import { DataError, ShapeError } from './errors.js';

/** Values in row-major order: images are `[n, channels, height, width]`. Nothing to dispose. */
export interface Tensor {
  /** Extents, each a whole number >= 0. */
  shape: number[];
  /** As many values as the product of the extents. */
  data: Float32Array;
}

/** Number of values in a tensor of this shape. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/** Whether `value` is an extent, or another number of things. */
export function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Whether `value` is a list of them, such as a shape. */
export function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}

/** `[rows][columns]` to `[columns][rows]`. */
export function transposed(values: Float32Array, rows: number): Float32Array {
  const columns = values.length / rows;
  return Float32Array.from(values, (_, i) => values[(i % rows) * columns + Math.floor(i / rows)]);
}

/** `[2, 3]` as text, for messages. */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

/**
 * Makes a tensor. `data` may be nested arrays' flat values or a Float32Array (kept, not copied).
 *
 * @throws {ShapeError} when the extents are not whole numbers >= 0 or do not multiply to `data.length`.
 */
export function tensor(data: ArrayLike<number>, shape: readonly number[]): Tensor {
  const first: unknown = data[0];
  if (typeof first === 'bigint') throw new ShapeError(`tensor: expected numbers, got ${describe(first)} at index 0`);
  const values = isFloat32Array(data) ? data : Float32Array.from(data);
  const result = { shape: [...shape], data: values };
  checkTensor('tensor', result);
  return result;
}

/**
 * Checks that `value` is a tensor whose data match its shape.
 *
 * @param rank how many extents it must have; any when left out.
 * @throws {ShapeError} naming `argument`.
 */
export function checkTensor(argument: string, value: Tensor, rank?: number): void {
  if (typeof value !== 'object' || value === null || !Array.isArray(value.shape) || !isFloat32Array(value.data)) {
    throw new ShapeError(
      `${argument}: expected a tensor { shape: number[], data: Float32Array }, got ${describe(value)}`,
    );
  }
  for (const extent of value.shape) {
    if (!Number.isInteger(extent) || extent < 0) {
      throw new ShapeError(`${argument}: expected whole extents >= 0, got shape ${shapeText(value.shape)}`);
    }
  }
  if (rank !== undefined && value.shape.length !== rank) {
    throw new ShapeError(`${argument}: expected ${rank} dimensions, got shape ${shapeText(value.shape)}`);
  }
  if (sizeOf(value.shape) !== value.data.length) {
    throw new ShapeError(
      `${argument}: shape ${shapeText(value.shape)} needs ${sizeOf(value.shape)} values, got ${value.data.length}`,
    );
  }
}

/**
 * Checks that every value is finite.
 *
 * @throws {DataError} naming `argument`, the first bad value and its index.
 */
export function checkFinite(argument: string, value: Tensor): void {
  const { data } = value;
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i])) {
      throw new DataError(`${argument}: expected finite values, got ${data[i]} at index ${i} of ${data.length}`);
    }
  }
}

/** What `value` is, for messages. */
export function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object') return classOf(value) ?? 'an object';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'bigint') return `${value}n (a bigint)`;
  if (typeof value === 'string') return JSON.stringify(value);
  return String(value);
}

function classOf(value: object): string | undefined {
  const name: unknown = value.constructor?.name;
  return typeof name === 'string' ? name : undefined;
}
