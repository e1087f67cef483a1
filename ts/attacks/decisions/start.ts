/**
 * Where a search by decisions begins: at a random image that is adversarial. Images are cells of random values. The first has a
 * cell for every pixel, as in the papers; many models give one class to all such images, so that others have larger cells,
 * up to one over a whole side, and every other image is all black and white.
 */
import type { Random } from '../../base/random.js';
import type { Features } from '../../ops/op.js';
import type { Asking, Sought } from '../core/decisions.js';
import { between, toBorder } from './border.js';

/** Images that are tried until one is adversarial. */
const tries = 1000;

/** Further images, at most and as a share of the queries that may be asked, whose way may lead to a nearer border. */
const others = 100;
const shareOfOthers = 0.02;

/** How much nearer another border has to be, and how closely it is looked for among others. */
const nearer = 0.95;
const coarse = 0.01;

/** An adversarial image, if one was found; all black and white when `corners`. */
export function* startOf(sought: Sought, corners = false): Asking<Float32Array | undefined> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const image = randomImage(sought, attempt, corners);
    const [reached] = yield image;
    if (reached) return image;
  }
  return undefined;
}

/**
 * A point on the border, known to `tolerance` of its distance: the nearest on the ways to some random images. One query tells
 * whether another way is nearer.
 *
 * @returns nothing when no image was adversarial.
 */
export function* borderStart(sought: Sought, tolerance: number): Asking<Float32Array | undefined> {
  const start = yield* startOf(sought);
  if (start === undefined) return undefined;
  let point = yield* toBorder(sought, start, coarse);
  const more = Math.min(others, Math.floor(shareOfOthers * sought.affordable));
  for (let attempt = 1; attempt <= more; attempt++) {
    const image = randomImage(sought, attempt, false);
    const far = sought.distanceOf(image);
    const near = between(sought, image, Math.min((nearer * sought.distanceOf(point)) / far, 1), far);
    const [reached] = yield near;
    if (reached) point = yield* toBorder(sought, near, coarse);
  }
  return yield* toBorder(sought, point, tolerance);
}

function randomImage({ input, random }: Sought, attempt: number, corners: boolean): Float32Array {
  const [rows, columns] = attempt === 0 ? [1, 1] : [side(input.h, random), side(input.w, random)];
  const value = corners || attempt % 2 === 1 ? () => random.integer(2) : () => random.uniform();
  return cells(input, rows, columns, value);
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
