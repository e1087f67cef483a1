/** Points that climb by signs inside the L-inf ball and the box, on a network in eval mode: what the regimes' own attacks do. */
import { defaultBatch, type Network } from '../../graph/network.js';
import type { Cotangent } from '../../graph/pass.js';
import type { Draws } from './regime.js';

/** How they climb. */
export interface ClimbOptions {
  steps: number;
  stepSize: number;
  /** Radius of the balls. */
  epsilon: number;
}

/**
 * Where `points` are after their steps: a forward and a backward pass each.
 *
 * @param x `[n, C, H, W]`: the centres of the balls.
 * @param cotangent of the samples `from ... from + n`.
 * @throws {DivergedError} for gradients that are not finite.
 */
export function climbed(
  network: Network,
  x: Float32Array,
  points: Float32Array,
  { steps, stepSize, epsilon }: ClimbOptions,
  cotangent: (from: number, n: number) => Cotangent,
): Float32Array {
  const count = x.length / network.sampleSize;
  const ascent = network.ascent(x, points);
  try {
    for (let step = 0; step < steps; step++) {
      for (let from = 0; from < count; from += defaultBatch) {
        const n = Math.min(defaultBatch, count - from);
        const { gradient } = ascent.evaluate(from, n, cotangent(from, n));
        ascent.move(from, n, gradient, { norm: 'linf', stepSize, epsilon }, []);
      }
    }
    return ascent.read();
  } finally {
    ascent.dispose();
  }
}

/** The cotangent of cross entropy for {@link climbed}. */
export function awayFrom(labels: Int32Array): (from: number, n: number) => Cotangent {
  return (from, n) => ({ loss: 'crossEntropy', labels: labels.subarray(from, from + n), unsaturated: true });
}

/** Points anywhere in the balls around `x`, each value with the same chance everywhere, and in the box. */
export function uniformStarts(
  x: Float32Array,
  size: number,
  epsilon: number,
  randomOf: (place: number) => Draws,
): Float32Array {
  return changed(x, size, randomOf, (random) => epsilon * (2 * random.uniform() - 1)).map((value) =>
    Math.min(Math.max(value, 0), 1),
  );
}

/** Points beside `x`, at a normal distance in each value with the standard deviation `sigma`; they may leave the box. */
export function normalStarts(
  x: Float32Array,
  size: number,
  sigma: number,
  randomOf: (place: number) => Draws,
): Float32Array {
  return changed(x, size, randomOf, (random) => sigma * random.normal());
}

function changed(
  x: Float32Array,
  size: number,
  randomOf: (place: number) => Draws,
  draw: (random: Draws) => number,
): Float32Array {
  const result = x.slice();
  for (let i = 0; i * size < x.length; i++) {
    const random = randomOf(i);
    for (let at = i * size; at < (i + 1) * size; at++) result[at] += draw(random);
  }
  return result;
}
