/**
 * The balls that perturbations live in: `linf` (largest change of a pixel) and `l2` (Euclidean length of a
 * sample's change). All functions work on samples `[n, size]` one after another, in pixel units.
 */
import type { Random } from '../base/random.js';

/** Norm of a perturbation. */
export type Norm = 'linf' | 'l2';

export const norms: readonly Norm[] = ['linf', 'l2'];

interface Ball {
  /** Moves `adversarial` by `stepSize` along the gradient (steepest ascent in this norm). */
  step(adversarial: Float32Array, gradient: Float32Array, stepSize: number, size: number): void;
  /** Brings `adversarial` back within `epsilon` of `x`. */
  project(adversarial: Float32Array, x: Float32Array, epsilon: number, size: number): void;
  /** A random point of the ball around `x`, uniform in it. */
  start(x: Float32Array, epsilon: number, size: number, random: Random): Float32Array;
  /** Distance of each sample from `x`. */
  distances(adversarial: Float32Array, x: Float32Array, size: number): Float32Array;
}

const linf: Ball = {
  step(adversarial, gradient, stepSize) {
    for (let i = 0; i < adversarial.length; i++) adversarial[i] += stepSize * sign(gradient[i]);
  },
  project(adversarial, x, epsilon) {
    for (let i = 0; i < adversarial.length; i++) {
      adversarial[i] = Math.min(Math.max(adversarial[i], x[i] - epsilon), x[i] + epsilon);
    }
  },
  start(x, epsilon, _size, random) {
    return x.map((value) => value + epsilon * (2 * random.uniform() - 1));
  },
  distances(adversarial, x, size) {
    return bySample(x.length / size, (s) => {
      let largest = 0;
      for (let i = s * size; i < (s + 1) * size; i++) largest = Math.max(largest, Math.abs(adversarial[i] - x[i]));
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
  step(adversarial, gradient, stepSize, size) {
    for (let s = 0; s < adversarial.length / size; s++) {
      const norm = length(gradient, s, size);
      if (norm === 0) continue;
      for (let i = s * size; i < (s + 1) * size; i++) adversarial[i] += (stepSize * gradient[i]) / norm;
    }
  },
  project(adversarial, x, epsilon, size) {
    const distances = l2.distances(adversarial, x, size);
    for (const [s, distance] of distances.entries()) {
      if (distance <= epsilon) continue;
      const scale = epsilon / distance;
      for (let i = s * size; i < (s + 1) * size; i++) adversarial[i] = x[i] + (adversarial[i] - x[i]) * scale;
    }
  },
  start(x, epsilon, size, random) {
    const direction = x.map(() => random.normal());
    const result = x.slice();
    for (let s = 0; s < x.length / size; s++) {
      // u^(1/d) spreads the radius evenly over a d-dimensional ball; for hundreds of dimensions it is almost 1.
      const radius = (epsilon * random.uniform() ** (1 / size)) / length(direction, s, size);
      for (let i = s * size; i < (s + 1) * size; i++) result[i] += direction[i] * radius;
    }
    return result;
  },
  distances(adversarial, x, size) {
    const difference = adversarial.map((value, i) => value - x[i]);
    return bySample(x.length / size, (s) => length(difference, s, size));
  },
};

/** The ball of a norm. */
export const balls: Readonly<Record<Norm, Ball>> = { linf, l2 };

/** Clips every pixel to [0, 1]. */
export function clipToBox(adversarial: Float32Array): void {
  for (let i = 0; i < adversarial.length; i++) adversarial[i] = Math.min(Math.max(adversarial[i], 0), 1);
}
