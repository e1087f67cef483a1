/**
 * The balls that perturbations live in: `linf` (largest change of a pixel), `l2` (Euclidean length of a sample's
 * change) and `l1` (sum of the changes). Points are `[n, size]`, in pixel units.
 */
import { logarithm, type Random } from '../../base/random.js';

/** Norm of a perturbation. */
export type Norm = 'linf' | 'l2' | 'l1';

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

function length(values: Float32Array, sample: number, size: number): number {
  let sum = 0;
  for (let i = sample * size; i < (sample + 1) * size; i++) sum += values[i] * values[i];
  return Math.sqrt(sum);
}

function bySample(n: number, value: (sample: number) => number): Float32Array {
  return Float32Array.from({ length: n }, (_, s) => value(s));
}

const l2: Ball = {
  step(points, gradient, x, size, { stepSize, epsilon }) {
    for (let s = 0; s < points.length / size; s++) {
      const norm = length(gradient, s, size);
      if (norm === 0) continue;
      for (let i = s * size; i < (s + 1) * size; i++) points[i] += (stepSize * gradient[i]) / norm;
    }
    l2.project(points, x, epsilon, size);
    clipToBox(points);
  },
  project(points, x, epsilon, size) {
    const distances = l2.distances(points, x, size);
    for (const [s, distance] of distances.entries()) {
      if (distance <= epsilon) continue;
      const scale = epsilon / distance;
      for (let i = s * size; i < (s + 1) * size; i++) points[i] = x[i] + (points[i] - x[i]) * scale;
    }
  },
  start(point, epsilon, random) {
    const direction = point.map(() => random.normal());
    // u^(1/d) spreads the radius evenly over a d-dimensional ball; for hundreds of dimensions it is almost 1.
    const radius = (epsilon * random.uniform() ** (1 / point.length)) / length(direction, 0, point.length);
    for (let i = 0; i < point.length; i++) point[i] += direction[i] * radius;
  },
  distances(points, x, size) {
    const difference = points.map((value, i) => value - x[i]);
    return bySample(x.length / size, (s) => length(difference, s, size));
  },
};

/** Share of the pixels, those of the largest slopes, that a step in l1 moves (Tramer & Boneh 2019). */
const sparse = 0.05;

const l1: Ball = {
  step(points, gradient, x, size, { stepSize, epsilon }) {
    const moved = Math.max(1, Math.round(sparse * size));
    for (let s = 0; s < points.length / size; s++) {
      const slopes = gradient.subarray(s * size, (s + 1) * size);
      const least = Float32Array.from(slopes, Math.abs).sort()[size - moved];
      let left = moved;
      for (let i = 0; i < size && left > 0; i++) {
        if (slopes[i] === 0 || Math.abs(slopes[i]) < least) continue;
        points[s * size + i] += (sign(slopes[i]) * stepSize) / moved;
        left--;
      }
    }
    l1.project(points, x, epsilon, size);
    clipToBox(points);
  },
  project(points, x, epsilon, size) {
    for (const [s, distance] of l1.distances(points, x, size).entries()) {
      if (distance <= epsilon) continue;
      const threshold = excess(
        points.subarray(s * size, (s + 1) * size),
        x.subarray(s * size, (s + 1) * size),
        epsilon,
      );
      for (let i = s * size; i < (s + 1) * size; i++) {
        const change = points[i] - x[i];
        points[i] = x[i] + sign(change) * Math.max(Math.abs(change) - threshold, 0);
      }
    }
  },
  start(point, epsilon, random) {
    // Exponential sizes, of which one more takes its share, spread evenly over the ball.
    const changes = Float64Array.from(point, () => -logarithm(1 - random.uniform()));
    const sum = changes.reduce((total, value) => total + value, -logarithm(1 - random.uniform()));
    for (let i = 0; i < point.length; i++) point[i] += (epsilon * changes[i] * (random.uniform() < 0.5 ? -1 : 1)) / sum;
  },
  distances(points, x, size) {
    return bySample(x.length / size, (s) => {
      let sum = 0;
      for (let i = s * size; i < (s + 1) * size; i++) sum += Math.abs(points[i] - x[i]);
      return sum;
    });
  },
};

/** By how much every change of a point is to shrink, so that their sum is `epsilon` (Duchi et al. 2008). */
function excess(point: Float32Array, x: Float32Array, epsilon: number): number {
  const sizes = point.map((value, i) => Math.abs(value - x[i])).sort();
  let sum = 0;
  for (let count = 1; count <= sizes.length; count++) {
    sum += sizes[sizes.length - count];
    const threshold = (sum - epsilon) / count;
    if (count === sizes.length || sizes[sizes.length - count - 1] <= threshold) return threshold;
  }
  return 0;
}

/** The ball of each norm. */
export const balls: Readonly<Record<Norm, Ball>> = { linf, l2, l1 };

/** All norms. */
export const norms = Object.keys(balls) as Norm[];

/** Clips every pixel to [0, 1]. */
export function clipToBox(points: Float32Array): void {
  for (let i = 0; i < points.length; i++) points[i] = Math.min(Math.max(points[i], 0), 1);
}
