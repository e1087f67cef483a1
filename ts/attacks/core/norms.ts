/**
 * The balls that perturbations live in: `linf` (largest change of a pixel), `l2` (Euclidean length of a sample's
 * change), `l1` (sum of the changes) and `l0` (number of values that differ). Points are `[n, size]`, in pixel units.
 */
import { logarithm, type Random } from '../../base/random.js';
import { l0 } from './l0.js';
import type { Norm } from './normNames.js';
import { excess, kthLargest } from './sparse.js';

export * from './normNames.js';

/** The geometry of a norm. */
export interface Ball {
  /**
   * Moves points by `stepSize` along their gradients (steepest ascent in this norm), back within `epsilon` of `x`, and
   * into the box.
   */
  step(
    points: Float32Array,
    gradient: Float32Array,
    x: Float32Array,
    size: number,
    lengths: { stepSize: number; epsilon: number },
  ): void;
  /** Brings points back within `epsilon` of `x`. */
  project(points: Float32Array, x: Float32Array, epsilon: number, size: number): void;
  /** Moves one point to a random place of the ball around it, uniform in it. */
  start(point: Float32Array, epsilon: number, random: Random): void;
  /** Distance of each point from `x`. */
  distances(points: Float32Array, x: Float32Array, size: number): Float32Array;
}

const linf: Ball = {
  step(points, gradient, x, _size, { stepSize, epsilon }) {
    // In one loop, rounded as often as in three.
    for (let i = 0; i < points.length; i++) {
      const moved = Math.fround(points[i] + stepSize * sign(gradient[i]));
      const inBall = Math.fround(Math.min(Math.max(moved, x[i] - epsilon), x[i] + epsilon));
      points[i] = Math.min(Math.max(inBall, 0), 1);
    }
  },
  project(points, x, epsilon) {
    for (let i = 0; i < points.length; i++) {
      points[i] = Math.min(Math.max(points[i], x[i] - epsilon), x[i] + epsilon);
    }
  },
  start(point, epsilon, random) {
    for (let i = 0; i < point.length; i++) point[i] += epsilon * (2 * random.uniform() - 1);
  },
  distances(points, x, size) {
    return bySample(x.length / size, (s) => {
      let largest = 0;
      for (let i = s * size; i < (s + 1) * size; i++) largest = Math.max(largest, Math.abs(points[i] - x[i]));
      return largest;
    });
  },
};

/** As `Math.sign`, but without a jump that goes the wrong way for every other sign of a gradient. */
function sign(value: number): number {
  return Number.isNaN(value) ? value : Number(value > 0) - Number(value < 0);
}

/** Euclidean length of row `s`. */
function lengthOf(values: Float32Array, s: number, size: number): number {
  let sum = 0;
  for (let i = s * size; i < (s + 1) * size; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

/** Euclidean distance of sample `s` of `points` from that of `x`. */
function distance2(points: Float32Array, x: Float32Array, s: number, size: number): number {
  let sum = 0;
  for (let i = s * size; i < (s + 1) * size; i++) sum += (points[i] - x[i]) ** 2;
  return Math.sqrt(sum);
}

/** Sum of the changes of sample `s`. */
function distance1(points: Float32Array, x: Float32Array, s: number, size: number): number {
  let sum = 0;
  for (let i = s * size; i < (s + 1) * size; i++) sum += Math.abs(points[i] - x[i]);
  return sum;
}

/**
 * Shrinks a change until it is within `epsilon`, rounding included: a point that was projected is not moved by another
 * projection, for the answer of a discontinuous model would be another one there.
 *
 * @param shrink to this radius, but for rounding.
 */
function settle(epsilon: number, distance: () => number, shrink: (radius: number) => void): void {
  let margin = 0;
  for (let found = distance(); found > epsilon; found = distance()) {
    shrink(Math.max(epsilon - margin, 0));
    margin = Math.max(2 * margin, epsilon * 2 ** -24, 2 ** -149);
  }
}

function bySample(n: number, value: (sample: number) => number): Float32Array {
  return Float32Array.from({ length: n }, (_, s) => value(s));
}

const l2: Ball = {
  step(points, gradient, x, size, { stepSize, epsilon }) {
    for (let s = 0; s < points.length / size; s++) {
      const norm = lengthOf(gradient, s, size);
      if (norm === 0) continue;
      for (let i = s * size; i < (s + 1) * size; i++) points[i] += (stepSize * gradient[i]) / norm;
    }
    l2.project(points, x, epsilon, size);
    clipToBox(points);
  },
  project(points, x, epsilon, size) {
    for (let s = 0; s < points.length / size; s++) {
      let found = 0;
      const distance = (): number => {
        found = distance2(points, x, s, size);
        return found;
      };
      settle(epsilon, distance, (radius) => {
        const scale = radius / found;
        for (let i = s * size; i < (s + 1) * size; i++) points[i] = x[i] + (points[i] - x[i]) * scale;
      });
    }
  },
  start(point, epsilon, random) {
    const direction = point.map(() => random.normal());
    // u^(1/d) spreads the radius evenly over a d-dimensional ball; for hundreds of dimensions it is almost 1.
    const radius = (epsilon * random.uniform() ** (1 / point.length)) / lengthOf(direction, 0, point.length);
    for (let i = 0; i < point.length; i++) point[i] += direction[i] * radius;
  },
  distances(points, x, size) {
    return bySample(x.length / size, (s) => distance2(points, x, s, size));
  },
};

/** Share of the pixels that a step in l1 moves: those of the largest slopes (Tramer & Boneh 2019). */
const sparse = 0.05;

const l1: Ball = {
  step(points, gradient, x, size, { stepSize, epsilon }) {
    const count = Math.max(1, Math.round(sparse * size));
    for (let s = 0; s < points.length / size; s++) {
      const point = points.subarray(s * size, (s + 1) * size);
      const slopes = gradient.slice(s * size, (s + 1) * size);
      // A pixel at the wall that its slope points to cannot move.
      for (let i = 0; i < size; i++) if (slopes[i] > 0 ? point[i] >= 1 : point[i] <= 0) slopes[i] = 0;
      sparseStep(point, slopes, count, stepSize);
    }
    projectInBox(points, x, epsilon, size);
  },
  project(points, x, epsilon, size) {
    shrinkChanges(points, x, epsilon, size, false);
  },
  start(point, epsilon, random) {
    // Exponential sizes, of which one more takes its share, spread evenly over the ball.
    const changes = Float64Array.from(point, () => -logarithm(1 - random.uniform()));
    const sum = changes.reduce((total, value) => total + value, -logarithm(1 - random.uniform()));
    for (let i = 0; i < point.length; i++) point[i] += (epsilon * changes[i] * (random.uniform() < 0.5 ? -1 : 1)) / sum;
  },
  distances(points, x, size) {
    return bySample(x.length / size, (s) => distance1(points, x, s, size));
  },
};

/**
 * Moves one point by `stepSize` in l1, in equal shares along the signs of its `count` largest slopes; of more, where some
 * are equal, and never along a slope of zero.
 */
export function sparseStep(point: Float32Array, slopes: Float32Array, count: number, stepSize: number): void {
  const sizes = new Float32Array(slopes.length);
  for (let i = 0; i < sizes.length; i++) sizes[i] = Math.abs(slopes[i]);
  const least = kthLargest(sizes, count);
  let moving = 0;
  for (let i = 0; i < slopes.length; i++) if (slopes[i] !== 0 && Math.abs(slopes[i]) >= least) moving++;
  const share = stepSize / moving;
  for (let i = 0; i < slopes.length; i++) {
    if (slopes[i] !== 0 && Math.abs(slopes[i]) >= least) point[i] += slopes[i] > 0 ? share : -share;
  }
}

/**
 * Brings points to the closest ones that are within `epsilon` of `x` in l1 and in the box (Croce & Hein 2021): closer
 * than a projection to the ball that is clipped.
 */
export function projectInBox(points: Float32Array, x: Float32Array, epsilon: number, size: number): void {
  shrinkChanges(points, x, epsilon, size, true);
}

/** Shrinks all changes of a sample by the same amount, in `boxed` cut off at the walls first. */
function shrinkChanges(points: Float32Array, x: Float32Array, epsilon: number, size: number, boxed: boolean): void {
  const sizes = new Float64Array(size);
  const rooms = new Float64Array(size).fill(Number.POSITIVE_INFINITY);
  for (let s = 0; s < points.length / size; s++) {
    const [from, to] = [s * size, (s + 1) * size];
    const shrink = (radius: number): void => {
      let changed = 0;
      for (let i = from; i < to; i++) {
        const change = points[i] - x[i];
        if (change === 0) continue;
        sizes[changed] = Math.abs(change);
        if (boxed) rooms[changed] = change > 0 ? 1 - x[i] : x[i];
        changed++;
      }
      const by = excess(sizes, rooms, changed, radius);
      for (let i = from, at = 0; i < to; i++) {
        const change = points[i] - x[i];
        if (change === 0) continue;
        const left = Math.min(Math.max(sizes[at] - by, 0), rooms[at]);
        points[i] = x[i] + (change > 0 ? left : -left);
        at++;
      }
    };
    if (boxed) shrink(epsilon);
    settle(epsilon, () => distance1(points, x, s, size), shrink);
  }
}

/** The ball of each norm. */
export const balls: Readonly<Record<Norm, Ball>> = { linf, l2, l1, l0 };

/** Length of the longest change inside the box: a ball of this radius holds it, from anywhere. */
export function diameter(norm: Norm, size: number): number {
  return { linf: 1, l2: Math.sqrt(size), l1: size, l0: size }[norm];
}

/** Radii of a norm's balls: those of l0 are whole, the next larger ones, each once. */
export function radiiIn(norm: Norm, radii: readonly number[]): number[] {
  return norm === 'l0' ? [...new Set(radii.map(Math.ceil))] : [...radii];
}

/** How far beyond [0, 1] a pixel is at most. */
export function beyondBox(points: Float32Array): number {
  let furthest = 0;
  for (let i = 0; i < points.length; i++) furthest = Math.max(furthest, -points[i], points[i] - 1);
  return furthest;
}

/** Clips every pixel to [0, 1]. */
export function clipToBox(points: Float32Array): void {
  for (let i = 0; i < points.length; i++) points[i] = Math.min(Math.max(points[i], 0), 1);
}
