/**
 * The ball of `l0`: at most so many values of a sample differ from the original. A pixel of three channels has three
 * values, and each counts. A value that does not count is the original to the bit.
 */
import type { Ball } from './norms.js';
import { kthLargest } from './sparse.js';

export const l0: Ball = {
  /** Along the gradient, `stepSize` long in l1 (Croce & Hein 2019). */
  step(points, gradient, x, size, { stepSize, epsilon }) {
    for (let from = 0; from < points.length; from += size) {
      let sum = 0;
      for (let i = from; i < from + size; i++) sum += Math.abs(gradient[i]);
      if (sum === 0) continue;
      const scale = stepSize / sum;
      for (let i = from; i < from + size; i++) points[i] += scale * gradient[i];
    }
    l0.project(points, x, epsilon, size);
    for (let i = 0; i < points.length; i++) points[i] = Math.min(Math.max(points[i], 0), 1);
  },
  /** Keeps the changes that win most for a point that is clipped to the box afterwards: it is the closest one in both. */
  project(points, x, epsilon, size) {
    const most = Math.floor(epsilon);
    const gains = new Float64Array(size);
    for (let from = 0; from < points.length; from += size) {
      if (changed(points, x, from, size) <= most) continue;
      for (let i = 0; i < size; i++) gains[i] = gain(points[from + i], x[from + i]);
      keepLargest(points.subarray(from, from + size), x.subarray(from, from + size), gains, most);
    }
  },
  /** As many values as may differ become any in the box. */
  start(point, epsilon, random) {
    for (const i of random.permutation(point.length).subarray(0, Math.floor(epsilon))) point[i] = random.uniform();
  },
  distances(points, x, size) {
    return Float32Array.from({ length: x.length / size }, (_, s) => changed(points, x, s * size, size));
  },
};

/** Undoes all changes of a point but the `most` of the largest gains; the first among equals. */
export function keepLargest(point: Float32Array, original: Float32Array, gains: Float64Array, most: number): void {
  const least = most === 0 ? Number.POSITIVE_INFINITY : kthLargest(gains.slice(), most);
  let equals = most;
  for (let i = 0; i < gains.length; i++) if (gains[i] > least) equals--;
  for (let i = 0; i < gains.length; i++) {
    const kept = gains[i] > least || (gains[i] === least && equals-- > 0);
    if (!kept) point[i] = original[i];
  }
}

/** Values that differ, of the `size` from number `from` on. */
function changed(points: Float32Array, x: Float32Array, from: number, size: number): number {
  let count = 0;
  for (let i = from; i < from + size; i++) if (points[i] !== x[i]) count++;
  return count;
}

/**
 * How much closer a value's nearest place in the box is to it than the original's `x` is, in squares: the square of its
 * change, and less of it beyond a wall.
 */
function gain(value: number, x: number): number {
  const room = value > 1 ? 1 - x : x;
  const beyond = value > 1 ? value - 1 : -value;
  if (beyond <= 0) return (value - x) ** 2;
  return room === 0 ? 0 : room * (2 * beyond + room);
}
