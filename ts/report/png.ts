/**
 * Writes small PNG images. Their pixels are stored, not compressed: a few kilobytes at most, and no library.
 */
import { crc32 } from '../base/crc32.js';

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const GREY = 0;
const RGB = 2;
/** The longest stored block of a deflate stream. */
const LONGEST_BLOCK = 0xffff;

/**
 * An image as a `data:` URI.
 *
 * @param shape `[C, H, W]` with C = 1 (grey) or 3 (RGB).
 * @param pixels in that order, from 0 to 1; what lies outside is clipped.
 */
export function pngUri(shape: readonly [number, number, number], pixels: ArrayLike<number>): string {
  let binary = '';
  for (const byte of encodePng(shape, pixels)) binary += String.fromCharCode(byte);
  return `data:image/png;base64,${btoa(binary)}`;
}

/** The bytes of the PNG file. */
export function encodePng(
  [channels, height, width]: readonly [number, number, number],
  pixels: ArrayLike<number>,
): Uint8Array {
  // Each row: the filter type (0, none), then its pixels, channels last.
  const row = 1 + width * channels;
  const raw = new Uint8Array(row * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const value = pixels[(c * height + y) * width + x];
        raw[y * row + 1 + x * channels + c] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
    }
  }
  const header = [...bigEndian(width), ...bigEndian(height), 8, channels === 1 ? GREY : RGB, 0, 0, 0];
  return Uint8Array.from([...SIGNATURE, ...chunk('IHDR', header), ...chunk('IDAT', zlib(raw)), ...chunk('IEND', [])]);
}

function chunk(type: string, data: ArrayLike<number>): number[] {
  const body = [...Array.from(type, (letter) => letter.charCodeAt(0)), ...Array.from(data)];
  return [...bigEndian(data.length), ...body, ...bigEndian(crc32(Uint8Array.from(body)))];
}

/** A zlib stream of stored blocks. */
function zlib(data: Uint8Array): number[] {
  const stream = [0x78, 0x01];
  for (let start = 0; start < data.length; start += LONGEST_BLOCK) {
    const block = data.subarray(start, start + LONGEST_BLOCK);
    const last = start + block.length === data.length ? 1 : 0;
    const { length } = block;
    stream.push(last, length & 255, length >>> 8, ~length & 255, (~length >>> 8) & 255, ...block);
  }
  return [...stream, ...bigEndian(adler32(data))];
}

function adler32(bytes: Uint8Array): number {
  let sum = 1;
  let sumOfSums = 0;
  for (const byte of bytes) {
    sum = (sum + byte) % 65521;
    sumOfSums = (sumOfSums + sum) % 65521;
  }
  return sumOfSums * 65536 + sum;
}

function bigEndian(value: number): number[] {
  return [(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}
