/**
 * Primal-dual proximal gradient descent (Matyasko & Chau 2021): Adam on how far the logits are from the goal, each step
 * followed by the proximal operator of the norm in Adam's own metric, which is exact here. What weighs the norm against the
 * goal is a player, too: its logarithm rises by a step where the goal is reached and falls by one where it is not.
 */
import { exponential } from '../../base/elementary.js';
import { logarithm } from '../../base/random.js';
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { Adam } from '../core/adam.js';
import { type Attack, all } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import { descend } from '../core/descent.js';
import * as fields from '../core/fields.js';
import { type Norm, norms } from '../core/norms.js';
import { proximal } from '../core/proximal.js';

/** See `attacks.pdpgd`. */
export const pdpgdDescriptor = descriptor(
  tagged('pdpgd', {
    norm: fields.norm(norms),
    steps: fields.steps(100),
    learningRate: optional(number({ above: 0 }), 0.1),
    dualRate: optional(number({ above: 0 })),
    initialRatio: optional(number({ above: 0 })),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.pdpgd` makes: plain data, its options with the defaults filled in. */
export type PdpgdSpec = Output<typeof pdpgdDescriptor.schema>;

/**
 * Where nothing else is asked for. The smaller the norm's numbers, the more it must weigh to be heard beside the goal; in
 * l0 the balance is found late, and has to be looked for in longer steps.
 */
const defaults: Readonly<Record<Norm, { dualRate: number; initialRatio: number }>> = {
  linf: { dualRate: 0.1, initialRatio: 1 },
  l2: { dualRate: 0.1, initialRatio: 0.1 },
  l1: { dualRate: 0.1, initialRatio: 0.01 },
  l0: { dualRate: 0.3, initialRatio: 1e-4 },
};

/** What is left of the learning rate in the end, along an exponential, and of the dual one, along a line. */
const lastRate = 0.01;
const lastDualRate = 0.1;

/** Share of the old weights in their moving average. */
const kept = 0.9;

/** The weights' ratio is between this and its inverse. */
const leastRatio = 1e-6;

export const pdpgd: Attack<PdpgdSpec> = function* ({ norm, steps, learningRate, ...dual }, batch) {
  const { x, count, target } = batch;
  const { size } = target;
  const { dualRate, initialRatio } = { ...defaults[norm], ...dual };
  const found = new Closest(batch, norm);
  const adam = new Adam(count, size);
  const gradient = new Float64Array(size);
  const change = new Float64Array(size);
  // The logarithm of the norm's weight over that of the goal; the two weights add up to 1.
  const ratios = new Float64Array(count).fill(logarithm(initialRatio));
  const weights = ratios.map(shareOf);
  const bound = -logarithm(leastRatio);
  const whole = { loss: 'margin', steps, samples: all(count) } as const;
  yield* descend(batch, x.slice(), found, whole, ({ i, step, point, original, loss, slope }) => {
    // Of log(1 + e^-margin), which counts until the goal is reached.
    const pull = loss <= 0 ? shareOf(-loss) : 0;
    for (let p = 0; p < size; p++) gradient[p] = -pull * slope[p];
    const { mean, scale } = adam.take(i, gradient);
    const rate = learningRate * exponential((logarithm(lastRate) * step) / steps);
    for (let p = 0; p < size; p++) {
      const moved = point[p] - (rate * mean[p]) / scale[p];
      change[p] = Math.min(Math.max(moved, 0), 1) - original[p];
    }
    proximal[norm](change, scale, (rate * weights[i]) / (1 - weights[i]));
    for (let p = 0; p < size; p++) point[p] = Math.min(Math.max(original[p] + change[p], 0), 1);
    const turn = dualRate * (1 - ((1 - lastDualRate) * step) / Math.max(steps - 1, 1));
    ratios[i] = Math.min(Math.max(ratios[i] + (loss > 0 ? turn : -turn), -bound), bound);
    weights[i] = kept * weights[i] + (1 - kept) * shareOf(ratios[i]);
  });
  return found.points;
};

/** e^a / (1 + e^a). */
function shareOf(a: number): number {
  return 1 / (1 + exponential(-a));
}
