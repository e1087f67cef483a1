/**
 * Ascent on the margin loss along a gradient estimated by antithetic Gaussian sampling: the attack that
 * breaks k-WTA (Tramer, Carlini, Brendel & Madry 2020, section 5). It uses logits only, so a gradient
 * hidden by discontinuities does not stop it: the estimate is that of the loss smoothed by the noise,
 * g = mean over u of (L(x + sigma u) - L(x - sigma u)) u / (2 sigma).
 */
import { type Attack, type AttackInput, pick } from './attack.js';
import { balls, clipToBox, type Norm } from './norms.js';
import type { Target } from './target.js';

/** See `attacks.estimatedGradient`. */
export interface EstimatedGradientSpec {
  type: 'estimatedGradient';
  norm: Norm;
  steps: number;
  /** In pixel units; 2.5 * epsilon / steps when left out. */
  stepSize?: number;
  /** Standard deviation of the noise, in pixel units. */
  sigma: number;
  /** Logit queries of each step, an even number; a list divides the steps into stages of growing effort. */
  samples: number[];
}

export const estimatedGradient: Attack<EstimatedGradientSpec> = function* (spec, input) {
  const { target, x, labels, epsilon, warn } = input;
  const { size, classes } = target;
  const ball = balls[spec.norm];
  const stepSize = spec.stepSize ?? (2.5 * epsilon) / spec.steps;
  if (epsilon > 0 && spec.steps * stepSize < epsilon) {
    warn(`estimatedGradient: ${spec.steps} steps of ${stepSize} cannot cross the ball of radius ${epsilon}`);
  }
  const result = x.slice();
  let active = Array.from(labels, (_, i) => i);
  for (let step = 0; step < spec.steps; step++) {
    const pairs = spec.samples[Math.floor((step * spec.samples.length) / spec.steps)] / 2;
    for (const [done, i] of active.entries()) {
      const point = result.subarray(i * size, (i + 1) * size);
      const gradient = estimate(target, point, labels[i], spec.sigma, pairs, input, step * labels.length + i);
      ball.step(point, gradient, stepSize, size);
      ball.project(point, x.subarray(i * size, (i + 1) * size), epsilon, size);
      clipToBox(point);
      yield (step + (done + 1) / active.length) / spec.steps;
    }
    const logits = target.logits(pick(result, active, size));
    active = active.filter((i, at) => margin(logits, at, labels[i], classes) <= 0);
    if (active.length === 0) break;
  }
  return result;
};

/** Directions evaluated at once: bounds memory, and 2 * 128 samples fill the kernels. */
const chunk = 128;

function estimate(
  target: Target,
  point: Float32Array,
  label: number,
  sigma: number,
  pairs: number,
  { seed }: AttackInput,
  draw: number,
): Float32Array {
  const { size, classes, network } = target;
  const gradient = new Float64Array(size);
  for (let from = 0; from < pairs; from += chunk) {
    const n = Math.min(chunk, pairs - from);
    const noise = network.normal(seed, draw, from * size, n * size);
    const queries = new Float32Array(2 * n * size);
    for (let j = 0; j < n * size; j++) {
      const offset = sigma * noise[j];
      const base = point[j % size];
      queries[j] = base + offset;
      queries[n * size + j] = base - offset;
    }
    const logits = target.logits(queries);
    for (let j = 0; j < n; j++) {
      const difference = margin(logits, j, label, classes) - margin(logits, n + j, label, classes);
      for (let i = 0; i < size; i++) gradient[i] += difference * noise[j * size + i];
    }
  }
  return Float32Array.from(gradient, (sum) => sum / (2 * sigma * pairs));
}

/** max_{j != y} z_j - z_y: positive when misclassified. */
function margin(logits: Float32Array, sample: number, label: number, classes: number): number {
  let other = Number.NEGATIVE_INFINITY;
  for (let j = 0; j < classes; j++) if (j !== label) other = Math.max(other, logits[sample * classes + j]);
  return other - logits[sample * classes + label];
}
