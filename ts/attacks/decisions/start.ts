/**
 * Where a search by decisions begins: at a random image that is adversarial. Images are cells of random values. The first has a
 * cell for every pixel, as in the papers; many models give one class to all such images, so that others have larger cells,
 * up to one over a whole side, and every other image is all black and white.
 */
import type { Random } from '../../base/random.js';
import type { Features } from '../../ops/op.js';
import type { Asking, Sought } from '../core/decisions.js';

/** Images that are tried. */
const tries = 1000;

/** An adversarial image, if one was found; all black and white when `corners`. */
export function* startOf({ input, random }: Sought, corners = false): Asking<Float32Array | undefined> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const [rows, columns] = attempt === 0 ? [1, 1] : [side(input.h, random), side(input.w, random)];
    const value = corners || attempt % 2 === 1 ? () => random.integer(2) : () => random.uniform();
    const image = cells(input, rows, columns, value);
    const [reached] = yield image;
    if (reached) return image;
  }
  return undefined;
}

/** Side of a cell, at most that of the image: a power of two. */
function side(extent: number, random: Random): number {
  let powers = 1;
  while (1 << (powers - 1) < extent) powers++;
  return 1 << random.integer(powers);
}

/** Values in cells of so many rows and columns. */
function cells({ c, h, w }: Features, rows: number, columns: number, value: () => number): Float32Array {
  const image = new Float32Array(c * h * w);
  const across = Math.ceil(w / columns);
  for (let channel = 0; channel < c; channel++) {
    let values = new Float32Array(across);
    for (let line = 0; line < h; line++) {
      if (line % rows === 0) values = values.map(value);
      for (let column = 0; column < w; column++) {
        image[(channel * h + line) * w + column] = values[Math.floor(column / columns)];
      }
    }
  }
  return image;
}
