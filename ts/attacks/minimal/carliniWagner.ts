/**
 * The attack of Carlini & Wagner (2017) in l2: Adam on the squared distance plus c times how far the logits are from the
 * goal. Pixels are (tanh(w) + 1) / 2, which keeps them in the box; c grows tenfold until the goal is reached, and is then
 * halved between the largest that failed and the smallest that did not.
 */
import { artanh, tanh } from '../../base/elementary.js';
import { boolean, descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { Adam } from '../core/adam.js';
import { type Attack, all, asPart, type Batch } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import { descend } from '../core/descent.js';
import * as fields from '../core/fields.js';

/** See `attacks.carliniWagner`. */
export const carliniWagnerDescriptor = descriptor(
  tagged('carliniWagner', {
    norm: fields.norm(['l2']),
    searches: fields.steps(9),
    steps: fields.steps(1000),
    learningRate: optional(number({ above: 0 }), 0.01),
    initialConstant: optional(number({ above: 0 }), 1e-3),
    earlyStop: optional(boolean(), true),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.carliniWagner` makes: plain data, its options with the defaults filled in. */
export type CarliniWagnerSpec = Output<typeof carliniWagnerDescriptor.schema>;

/** Pixels are brought so much inside the box that w is finite at its walls. */
const inside = 0.999999;

/** Checks of a search, and the share of the loss that must have gone between two of them. */
const checks = 10;
const progress = 1e-4;

export const carliniWagner: Attack<CarliniWagnerSpec> = function* (spec, batch) {
  const { count, target } = batch;
  const found = new Closest(batch, spec.norm);
  const constants = new Float64Array(count).fill(spec.initialConstant);
  // The largest that failed, and the smallest that did not.
  const low = new Float64Array(count);
  const high = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  for (let search = 0; search < spec.searches; search++) {
    const samples = target.afford(all(count), target.gradientCost).filter((i) => !found.enough(i));
    if (samples.length === 0) break;
    const reached = yield* asPart(minimise(spec, batch, found, samples, constants), search, spec.searches);
    for (const i of samples) {
      if (reached.has(i)) high[i] = constants[i];
      else low[i] = constants[i];
      constants[i] = high[i] === Number.POSITIVE_INFINITY ? 10 * constants[i] : (low[i] + high[i]) / 2;
    }
  }
  return found.points;
};

/** One search with the constants that the samples have; the set of those that reach their goals. */
function* minimise(
  { steps, learningRate, earlyStop }: CarliniWagnerSpec,
  batch: Batch,
  found: Closest,
  samples: readonly number[],
  constants: Float64Array,
): Generator<number | undefined, Set<number>, void> {
  const { x, count, target } = batch;
  const { size } = target;
  const w = Float64Array.from(x, (value) => artanh(inside * (2 * value - 1)));
  const pixels = w.map(pixelOf);
  const starts = pixels.slice();
  const adam = new Adam(count, size);
  const gradient = new Float64Array(size);
  const reached = new Set<number>();
  const before = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  const whole = { loss: 'margin', steps, samples } as const;
  yield* descend(batch, Float32Array.from(pixels), found, whole, ({ i, step, point, loss, slope, there }) => {
    if (there) reached.add(i);
    const from = i * size;
    // Beyond the goal the distance alone counts.
    const weight = loss < 0 ? constants[i] : 0;
    let objective = -weight * loss;
    for (let p = 0; p < size; p++) {
      const pixel = pixels[from + p];
      const change = pixel - starts[from + p];
      objective += change * change;
      // The derivative of a pixel by its w is the last factor.
      gradient[p] = (2 * change - weight * slope[p]) * 2 * pixel * (1 - pixel);
    }
    if (earlyStop && step % Math.ceil(steps / checks) === 0) {
      if (objective > (1 - progress) * before[i]) return false;
      before[i] = objective;
    }
    const { mean, scale } = adam.take(i, gradient);
    for (let p = 0; p < size; p++) {
      w[from + p] -= (learningRate * mean[p]) / scale[p];
      pixels[from + p] = pixelOf(w[from + p]);
    }
    point.set(pixels.subarray(from, from + size));
    return true;
  });
  return reached;
}

function pixelOf(w: number): number {
  return (tanh(w) + 1) / 2;
}
