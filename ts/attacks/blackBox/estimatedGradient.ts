/**
 * Ascent on the margin loss along a gradient estimated by antithetic sampling: with Gaussian directions the attack that
 * breaks k-WTA (Tramer, Carlini, Brendel & Madry 2020, section 5), with directions of 1 and -1 simultaneous perturbation
 * (SPSA: Spall 1992; as an attack, Uesato et al. 2018, whose Adam is a plain step here: the same ascent for both). It uses logits only, so a gradient
 * hidden by discontinuities does not stop it: the estimate is that of the loss smoothed by the noise,
 * g = mean over u of (L(x + sigma u) - L(x - sigma u)) u / (2 sigma). SPSA divides by u, which for 1 and -1 is the same.
 */
import {
  array,
  choice,
  descriptor,
  integer,
  number,
  type Output,
  optional,
  refined,
  tagged,
  union,
} from '../../base/schema.js';
import { type Attack, all, pick } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls } from '../core/norms.js';

/** Queries in pairs: one on either side of a point. */
const pairs = integer({ min: 2, multipleOf: 2 }, 'an even number');

/** See `attacks.estimatedGradient`. */
export const estimatedGradientDescriptor = descriptor(
  refined(
    tagged('estimatedGradient', {
      norm: fields.norm(),
      steps: fields.steps(100),
      stepSize: fields.stepSize(),
      estimator: optional(choice(['gaussian', 'spsa']), 'gaussian'),
      /** Standard deviation of the noise, in pixel units. */
      sigma: optional(number({ above: 0 }), 8 / 255),
      /** Logit queries of each step, an even number; a list divides the steps into stages of growing effort. */
      samples: optional(union([pairs, array(pairs)], 'an even number >= 2 or a list of them'), 100),
    }),
    ({ steps, samples }) =>
      [samples].flat().length === 0 || [samples].flat().length > steps
        ? `expected 1 to ${steps} stages, got ${[samples].flat().length}`
        : undefined,
    'samples',
  ),
  { family: 'fixed', gradient: 'estimated' },
);

/** What `attacks.estimatedGradient` makes: plain data, its options with the defaults filled in. */
export type EstimatedGradientSpec = Output<typeof estimatedGradientDescriptor.schema>;

/** An estimate is mostly noise, and many small steps along it end near where they began; in epsilons. */
const leastStep = 1 / 4;

export const estimatedGradient: Attack<EstimatedGradientSpec> = function* (spec, batch) {
  const { target, x, epsilon } = batch;
  const { size, classes, goal } = target;
  const ball = balls[spec.norm];
  const stepSize = fields.stepSizeOf(spec, epsilon, batch.warn, leastStep);
  const stages = [spec.samples].flat();
  const directions = spec.estimator === 'spsa' ? 'signs' : 'normal';
  const result = x.slice();
  let active = all(batch.count);
  for (let step = 0; step < spec.steps && active.length > 0; step++) {
    const pairs = stages[Math.floor((step * stages.length) / spec.steps)] / 2;
    // One more, for the question who is there.
    active = target.afford(active, 2 * pairs + 1);
    for (const [done, i] of active.entries()) {
      const point = result.subarray(i * size, (i + 1) * size);
      const around = { stream: batch.noise(i, step), pairs, sigma: spec.sigma, directions } as const;
      const sums = yield* target.antithetic(point, i, around);
      const gradient = Float32Array.from(sums, (sum) => sum / (2 * spec.sigma * pairs));
      ball.step(point, gradient, x.subarray(i * size, (i + 1) * size), size, { stepSize, epsilon });
      yield (step + (done + 1) / active.length) / spec.steps;
    }
    const logits = yield* target.logits(pick(result, active, size), active);
    active = active.filter((i, at) => goal.margin(logits.subarray(at * classes, (at + 1) * classes), i) <= 0);
  }
  return result;
};
