/** The border of the adversarial region, found by decisions: a point on it, and its normal there. */
import type { Asking, Sought } from '../core/decisions.js';
import { pointsAtOnce } from '../core/decisions.js';
import type { Draw } from './frequencies.js';

/** The point so far from the sample in a direction; who asks about it clips it to the box. */
export function along({ x }: Sought, direction: ArrayLike<number>, distance: number): Float32Array {
  return x.map((value, i) => value + distance * direction[i]);
}

/**
 * Between the sample and a point, at `share` of its distance: on the line (l2, l1), or its changes cut off (linf).
 */
export function between({ x, norm }: Sought, far: Float32Array, share: number, distance: number): Float32Array {
  if (norm !== 'linf') return x.map((value, i) => value + share * (far[i] - value));
  const level = share * distance;
  return x.map((value, i) => Math.min(Math.max(far[i], value - level), value + level));
}

/**
 * Halves the way from the sample to an adversarial point until it is known to `tolerance` of its distance where the border
 * lies.
 *
 * @returns the last point that was adversarial.
 */
export function* toBorder(sought: Sought, far: Float32Array, tolerance: number): Asking<Float32Array> {
  const distance = sought.distanceOf(far);
  const { point } = yield* bisect((share) => between(sought, far, share, distance), [0, 1], tolerance);
  return point ?? far;
}

/**
 * Halves a range, of whose points the last is adversarial, until it is no longer than `tolerance`.
 *
 * @returns the last place whose point was adversarial; without a point when that is the end of the range.
 */
export function* bisect(
  at: (place: number) => Float32Array,
  [from, to]: readonly [from: number, to: number],
  tolerance: number,
): Asking<{ place: number; point?: Float32Array }> {
  let low = from;
  let found: { place: number; point?: Float32Array } = { place: to };
  while (found.place - low > tolerance) {
    const middle = (low + found.place) / 2;
    const point = at(middle);
    const [reached] = yield point;
    if (reached) found = { place: middle, point };
    else low = middle;
  }
  return found;
}

/** Directions that the normal is estimated from. */
export interface Probing {
  /** Their number. */
  count: number;
  /** How far each goes, in pixel units of l2. */
  delta: number;
  draw: Draw;
  /**
   * Divides each value's slope by how much the directions move it: at a wall of the box half of them are cut off, and its
   * slope seems smaller than it is. It costs noise, so it is for those to whom single values matter.
   */
  evenly?: boolean;
}

/** Directions after which what was seen of a value's moves weighs as much as what all have in common. */
const prior = 20;

/** How far probing directions go, as a share of the distance. */
export const reach = 0.01;

/**
 * The direction in which the region lies from a point on its border: the mean of random directions, counted for or against
 * by whether they lead into it, against the mean of all such answers.
 *
 * @returns of length 1, or 0 when nothing was learnt.
 */
export function* normalAt(
  { x, random }: Sought,
  point: Float32Array,
  { count, delta, draw, evenly = false }: Probing,
): Asking<Float64Array> {
  const size = x.length;
  // What all directions sum to, and those that lead into the region.
  const total = new Float64Array(size);
  const inside = new Float64Array(size);
  const squares = new Float64Array(size);
  let reached = 0;
  for (let from = 0; from < count; from += pointsAtOnce) {
    const points = new Float32Array(Math.min(pointsAtOnce, count - from) * size);
    const direction = new Float64Array(size);
    for (let first = 0; first < points.length; first += size) {
      draw(random, direction);
      const scale = delta / Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
      for (let i = 0; i < size; i++) points[first + i] = point[i] + scale * direction[i];
    }
    const answers = yield points;
    for (const [at, there] of answers.entries()) {
      for (let i = 0; i < size; i++) {
        // As it was asked about, inside the box.
        const change = points[at * size + i] - point[i];
        total[i] += change;
        squares[i] += change * change;
        if (there) inside[i] += change;
      }
      if (there) reached++;
    }
  }
  const uniform = reached === 0 || reached === count;
  // The sum of (answer - mean answer) * direction, answers being 1 or -1; of answer * direction when they are all alike.
  const weight = uniform ? 1 : (2 * reached) / count;
  const normal = total.map((sum, i) => 2 * inside[i] - weight * sum);
  const scatter = squares.map((sum, i) => sum - total[i] ** 2 / count);
  const mean = scatter.reduce((sum, value) => sum + value, 0) / size;
  // Of few directions one knows little; by then all values are taken to move about as much.
  if (evenly && mean > 0) for (let i = 0; i < size; i++) normal[i] /= scatter[i] + (prior / count) * mean;
  const length = Math.sqrt(normal.reduce((sum, value) => sum + value * value, 0));
  return length === 0 ? normal : normal.map((value) => value / length);
}
