/** Windows that slide over a feature map with zeros around it: what convolution and pooling have in common. */
import { ConfigError, ShapeError } from '../base/errors.js';
import { type Features, featureText } from './op.js';

/** Size of a window, its step and the zeros around every side. */
export interface Window {
  kh: number;
  kw: number;
  stride: number;
  padding: number;
}

/** Kernels count rows and columns in 32 bits. */
const longest = 2 ** 31 - 1;

/** Rows and columns of the output. @throws {ShapeError} or {ConfigError} that begins with `where`. */
export function windowExtents({ kh, kw, stride, padding }: Window, input: Features, where: string) {
  const { h, w } = input;
  if (h + 2 * padding < kh || w + 2 * padding < kw) {
    throw new ShapeError(
      `${where}: expected an input of at least ${kh}x${kw} with padding ${padding}, got ${featureText(input)}`,
    );
  }
  if (Math.max(h, w) + 2 * padding > longest) {
    throw new ConfigError(`${where}: expected at most ${longest} rows and columns, got padding = ${padding}`);
  }
  const extent = (size: number, kernel: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return { h: extent(h, kh), w: extent(w, kw) };
}
