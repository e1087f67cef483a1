/**
 * The iterative method with momentum (MI-FGSM, Dong et al. 2018): steps follow a decaying sum of the gradients so far,
 * each divided by its mean size. The last iterate is the answer.
 */
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { type Attack, all, pick, put } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls } from '../core/norms.js';

/** See `attacks.mim`. */
export const mimDescriptor = descriptor(
  tagged('mim', {
    norm: fields.norm(),
    steps: fields.steps(10),
    stepSize: fields.stepSize(),
    /** Share of the sum that is left after a step. */
    decay: optional(number({ min: 0 }), 1),
    loss: fields.loss(),
  }),
  { family: 'fixed', gradient: 'exact' },
);

/** What `attacks.mim` makes: plain data, its options with the defaults filled in. */
export type MimSpec = Output<typeof mimDescriptor.schema>;

export const mim: Attack<MimSpec> = function* (spec, { target, x, count, epsilon, warn }) {
  const { size } = target;
  const stepSize = fields.stepSizeOf(spec, epsilon, warn);
  const result = x.slice();
  const sums = new Float32Array(x.length);
  let active = all(count);
  for (let step = 0; step < spec.steps; step++) {
    active = target.afford(active, target.gradientCost);
    if (active.length === 0) break;
    const points = pick(result, active, size);
    const { gradient } = yield* target.gradient(points, active, spec.loss);
    for (const [at, i] of active.entries()) {
      add(sums.subarray(i * size, (i + 1) * size), gradient.subarray(at * size, (at + 1) * size), spec.decay);
    }
    balls[spec.norm].step(points, pick(sums, active, size), pick(x, active, size), size, { stepSize, epsilon });
    put(result, active, points, size);
    yield (step + 1) / spec.steps;
  }
  return result;
};

/** Adds a gradient, divided by its mean size, to what is left of a sum. */
function add(sum: Float32Array, gradient: Float32Array, decay: number): void {
  let total = 0;
  for (let i = 0; i < gradient.length; i++) total += Math.abs(gradient[i]);
  const scale = total === 0 ? 0 : gradient.length / total;
  for (let i = 0; i < sum.length; i++) sum[i] = decay * sum[i] + scale * gradient[i];
}
