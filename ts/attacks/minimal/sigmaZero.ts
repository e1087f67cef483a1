/**
 * sigma-zero (Cinà et al. 2024), of minimum norm in l0: Adam on how far the logits are from the goal plus a smooth count
 * of the values that differ, the mean of d^2 / (d^2 + sigma) over the changes d. After each step changes below a threshold
 * are undone; the threshold rises where the goal is reached and falls where it is not.
 */
import { cosineFall } from '../../base/elementary.js';
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { Adam } from '../core/adam.js';
import { type Attack, all } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import { descend, type Place } from '../core/descent.js';
import * as fields from '../core/fields.js';

/** See `attacks.sigmaZero`. */
export const sigmaZeroDescriptor = descriptor(
  tagged('sigmaZero', {
    norm: fields.norm(['l0']),
    steps: fields.steps(1000),
    learningRate: optional(number({ above: 0 }), 1),
    sigma: optional(number({ above: 0 }), 1e-3),
    threshold: optional(number({ min: 0, max: 1 }), 0.3),
    thresholdStep: optional(number({ min: 0 }), 0.01),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.sigmaZero` makes: plain data, its options with the defaults filled in. */
export type SigmaZeroSpec = Output<typeof sigmaZeroDescriptor.schema>;

/** What a cosine leads to: the last step, as a share of the first. */
const lastStep = 0.1;

export const sigmaZero: Attack<SigmaZeroSpec> = function* (spec, batch) {
  const { norm, steps, learningRate, sigma, threshold, thresholdStep } = spec;
  const { x, count, target } = batch;
  const found = new Closest(batch, norm);
  const adam = new Adam(count, target.size);
  const thresholds = new Float64Array(count).fill(threshold);
  const slope = new Float64Array(target.size);
  const whole = { loss: 'margin', steps, samples: all(count) } as const;
  yield* descend(batch, x.slice(), found, whole, (place) => {
    const { i, step, point, original, there } = place;
    const rate = lastStep + (1 - lastStep) * cosineFall(step, steps);
    thresholds[i] = Math.min(Math.max(thresholds[i] + (there ? rate : -rate) * thresholdStep, 0), 1);
    writeSlope(slope, place, sigma);
    const { mean, scale } = adam.take(i, slope);
    for (let p = 0; p < point.length; p++) {
      const moved = Math.min(Math.max(point[p] - (learningRate * rate * mean[p]) / scale[p], 0), 1);
      point[p] = Math.abs(moved - original[p]) < thresholds[i] ? original[p] : moved;
    }
    // One value has to differ.
    return found.distance[i] > 1;
  });
  return found.points;
};

/** The gradient of what is minimised, its largest entry 1. At the goal, the count alone is. */
function writeSlope(result: Float64Array, { point, original, slope, there }: Place, sigma: number): void {
  const { length } = point;
  let largest = Number.MIN_VALUE;
  for (let p = 0; p < length; p++) {
    const change = point[p] - original[p];
    const rest = change * change + sigma;
    const count = (2 * change * sigma) / (rest * rest * length);
    result[p] = there ? count : count - slope[p];
    largest = Math.max(largest, Math.abs(result[p]));
  }
  for (let p = 0; p < length; p++) result[p] /= largest;
}
