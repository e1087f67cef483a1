/** Pixels of files and of callers: bytes, or numbers from 0 to 1. */
import { DataError } from '../base/errors.js';

/** @param name of the file or argument. @throws {DataError} naming the sample unless all are from 0 to 1. */
export function checkPixels(name: string, pixels: ArrayLike<number>, size: number, first = 0): void {
  for (let i = 0; i < pixels.length; i++) {
    // Negated, so that NaN is caught too.
    if (!(pixels[i] >= 0 && pixels[i] <= 1)) {
      throw new DataError(
        `${name}: expected pixels from 0 to 1, got ${pixels[i]} at index ${i} (sample ${first + Math.floor(i / size)})`,
      );
    }
  }
}

/** Whole numbers from 0 to 255 as bytes. @throws {DataError} naming the sample of another. */
export function toBytes(name: string, pixels: ArrayLike<number>, size: number): Uint8Array {
  const bytes = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) {
    bytes[i] = pixels[i];
    if (bytes[i] !== pixels[i]) {
      throw new DataError(
        `${name}: expected whole pixels from 0 to 255, found ${pixels[i]} in sample ${Math.floor(i / size)}`,
      );
    }
  }
  return bytes;
}

/** Images `[n, H, W, C]` as `[n, C, H, W]`. */
export function channelsFirst<T extends Uint8Array | Float32Array | Float64Array>(
  pixels: T,
  channels: number,
  size: number,
): T {
  const moved = pixels.slice() as T;
  const area = size / channels;
  for (let i = 0; i < pixels.length; i++) {
    const [sample, inside] = [Math.floor(i / size), i % size];
    moved[sample * size + (inside % channels) * area + Math.floor(inside / channels)] = pixels[i];
  }
  return moved;
}
