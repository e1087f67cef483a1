/**
 * Decoupling direction and norm (Rony et al. 2019), in l2: steps along the gradient of the cross entropy give a direction,
 * in which the point is put as far from the original as its radius says; the radius shrinks where the goal is reached and
 * grows where it is not. Last, and not in the paper, the closest adversarial is moved towards its original by bisection:
 * radii are gamma apart, and on a network that jumps there are adversarials nearer on the way.
 */
import { cosineFall } from '../../base/elementary.js';
import type { Random } from '../../base/random.js';
import { descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import { type Attack, all, type Batch, pick } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import { descend } from '../core/descent.js';
import * as fields from '../core/fields.js';
import { dualLength } from '../core/hyperplane.js';
import { clipToBox } from '../core/norms.js';
import type { Passes } from '../core/target.js';

/** See `attacks.ddn`. */
export const ddnDescriptor = descriptor(
  tagged('ddn', {
    norm: fields.norm(['l2']),
    steps: fields.steps(100),
    gamma: optional(number({ above: 0, below: 1 }), 0.05),
    initialNorm: optional(number({ above: 0 }), 1),
    bisections: optional(integer({ min: 0, max: 50 }), 10),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.ddn` makes: plain data, its options with the defaults filled in. */
export type DdnSpec = Output<typeof ddnDescriptor.schema>;

/** Length of the first step and of the last, which a cosine leads to. */
const firstStep = 1;
const lastStep = 0.01;

export const ddn: Attack<DdnSpec> = function* ({ norm, steps, gamma, initialNorm, bisections }, batch) {
  const { x, count } = batch;
  const found = new Closest(batch, norm);
  const radii = new Float64Array(count).fill(initialNorm);
  yield* descend(
    batch,
    x.slice(),
    found,
    { loss: 'crossEntropy', steps, samples: all(count) },
    ({ i, step, point, original, slope, there }) => {
      const stepSize = lastStep + (firstStep - lastStep) * cosineFall(step, steps);
      // Where there is no gradient, no direction is better than another.
      const direction = dualLength(slope, 'l2') > 0 ? slope : randomDirection(slope.length, batch.random(i, 0, step));
      radii[i] = Math.min(radii[i] * (there ? 1 - gamma : 1 + gamma), furthest(original));
      stepAndScale(point, original, direction, stepSize, radii[i]);
    },
  );
  yield* shorten(batch, found, bisections);
  return found.points;
};

/** Halves the way from each original to the adversarial that was found, so many times. */
function* shorten({ x, count, target }: Batch, found: Closest, bisections: number): Passes<void> {
  const { size } = target;
  const points = found.points.slice();
  const from = new Float64Array(count);
  const to = new Float64Array(count).fill(1);
  for (let round = 0; round < bisections; round++) {
    const open = target.afford(all(count), 1).filter((i) => found.has(i) && !found.enough(i));
    if (open.length === 0) return;
    const middles = pick(x, open, size);
    for (const [at, i] of open.entries()) {
      const share = (from[i] + to[i]) / 2;
      const middle = middles.subarray(at * size, (at + 1) * size);
      for (let p = 0; p < size; p++) middle[p] += share * (points[i * size + p] - middle[p]);
    }
    const there = yield* target.decisions(middles, open);
    for (const [at, i] of open.entries()) {
      (there[at] ? to : from)[i] = (from[i] + to[i]) / 2;
      if (there[at]) found.take(i, middles.subarray(at * size, (at + 1) * size));
    }
  }
}

function randomDirection(size: number, random: Random): Float32Array {
  return Float32Array.from({ length: size }, () => random.normal());
}

/** Distance of the corner of the box that is furthest away. */
function furthest(original: Float32Array): number {
  let sum = 0;
  for (const value of original) sum += Math.max(value, 1 - value) ** 2;
  return Math.sqrt(sum);
}

/** Moves a point along a direction, and then to a distance from the original, and into the box. */
function stepAndScale(
  point: Float32Array,
  original: Float32Array,
  direction: Float32Array,
  stepSize: number,
  radius: number,
): void {
  const change = new Float64Array(point.length);
  const scale = stepSize / dualLength(direction, 'l2');
  let squares = 0;
  for (let p = 0; p < change.length; p++) {
    change[p] = point[p] - original[p] + scale * direction[p];
    squares += change[p] * change[p];
  }
  // A step can lead back to the original, from where every direction is as far.
  const stretch = squares > 0 ? radius / Math.sqrt(squares) : 0;
  for (let p = 0; p < change.length; p++) point[p] = original[p] + stretch * change[p];
  clipToBox(point);
}
