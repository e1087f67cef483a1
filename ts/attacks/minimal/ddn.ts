/**
 * Decoupling direction and norm (Rony et al. 2019), in l2: steps along the gradient of the cross entropy give a direction,
 * in which the point is put as far from the original as its radius says; the radius shrinks where the goal is reached and
 * grows where it is not. Last, and not in the paper, the closest adversarials that were met are moved towards their original
 * by bisection: radii are gamma apart, and a network that jumps has adversarials nearer, if not in the direction of the
 * closest then in that of another.
 */
import { cosineFall } from '../../base/elementary.js';
import type { Random } from '../../base/random.js';
import { descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import { type Attack, all, type Batch, pick } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import { descend } from '../core/descent.js';
import * as fields from '../core/fields.js';
import { dualLength } from '../core/hyperplane.js';
import { balls, clipToBox } from '../core/norms.js';
import type { Passes } from '../core/target.js';

/** See `attacks.ddn`. */
export const ddnDescriptor = descriptor(
  tagged('ddn', {
    norm: fields.norm(['l2']),
    steps: fields.steps(100),
    gamma: optional(number({ above: 0, below: 1 }), 0.05),
    initialNorm: optional(number({ above: 0 }), 1),
    bisections: optional(integer({ min: 0, max: 50 }), 10),
    candidates: optional(integer({ min: 1, max: 100 }), 10),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.ddn` makes: plain data, its options with the defaults filled in. */
export type DdnSpec = Output<typeof ddnDescriptor.schema>;

/** An adversarial that was met, and how far from its original it is. */
interface Candidate {
  distance: number;
  point: Float32Array;
}

/** Of what is closest so far: where the others must be adversarial to be looked at, a thousandth nearer. */
const nearer = 0.999;

/** Length of the first step and of the last, which a cosine leads to. */
const firstStep = 1;
const lastStep = 0.01;

export const ddn: Attack<DdnSpec> = function* (options, batch) {
  const { norm, steps, gamma, initialNorm, bisections } = options;
  const { x, count } = batch;
  const found = new Closest(batch, norm);
  const radii = new Float64Array(count).fill(initialNorm);
  const met = Array.from({ length: count }, (): Candidate[] => []);
  yield* descend(
    batch,
    x.slice(),
    found,
    { loss: 'crossEntropy', steps, samples: all(count) },
    ({ i, step, point, original, slope, there }) => {
      if (there && bisections > 0) keep(met[i], candidateOf(point, original), options.candidates);
      const stepSize = lastStep + (firstStep - lastStep) * cosineFall(step, steps);
      // Where there is no gradient, no direction is better than another.
      const direction = dualLength(slope, 'l2') > 0 ? slope : randomDirection(slope.length, batch.random(i, 0, step));
      radii[i] = Math.min(radii[i] * (there ? 1 - gamma : 1 + gamma), furthest(original));
      stepAndScale(point, original, direction, stepSize, radii[i]);
    },
  );
  yield* shorten(batch, found, met, bisections);
  return found.points;
};

function candidateOf(point: Float32Array, original: Float32Array): Candidate {
  const [distance] = balls.l2.distances(point, original, point.length);
  return { distance, point: point.slice() };
}

/** Adds to the closest `most`, in order. */
function keep(candidates: Candidate[], candidate: Candidate, most: number): void {
  const behind = candidates.findIndex(({ distance }) => distance > candidate.distance);
  candidates.splice(behind < 0 ? candidates.length : behind, 0, candidate);
  candidates.length = Math.min(candidates.length, most);
}

/**
 * Halves the way from each original to its candidates, one after another, so many times: to the first as it is, to each
 * other from where it would be the closest of all, if it is adversarial there.
 */
function* shorten(
  { x, count, target }: Batch,
  found: Closest,
  met: readonly (readonly Candidate[])[],
  bisections: number,
): Passes<void> {
  const { size } = target;
  const ask = function* (rank: number, samples: readonly number[], shares: Float64Array): Passes<Map<number, boolean>> {
    const open = target.afford(samples, 1).filter((i) => !found.enough(i));
    if (open.length === 0) return new Map();
    const points = pick(x, open, size);
    const pointOf = (at: number): Float32Array => points.subarray(at * size, (at + 1) * size);
    for (const [at, i] of open.entries()) {
      const point = pointOf(at);
      const candidate = met[i][rank].point;
      for (let p = 0; p < size; p++) point[p] += shares[i] * (candidate[p] - point[p]);
    }
    const there = yield* target.decisions(points, open);
    for (const [at, i] of open.entries()) if (there[at]) found.take(i, pointOf(at));
    return new Map(open.map((i, at) => [i, there[at]]));
  };
  for (let rank = 0; met.some(({ length }) => length > rank); rank++) {
    let samples = all(count).filter((i) => met[i].length > rank);
    const from = new Float64Array(count);
    const to = new Float64Array(count).fill(1);
    if (rank > 0) {
      for (const i of samples) to[i] = (nearer * found.distance[i]) / met[i][rank].distance;
      const there = yield* ask(rank, samples, to);
      samples = samples.filter((i) => there.get(i));
    }
    for (let round = 0; round < bisections && samples.length > 0; round++) {
      const middle = from.map((low, i) => (low + to[i]) / 2);
      const there = yield* ask(rank, samples, middle);
      for (const [i, reached] of there) (reached ? to : from)[i] = middle[i];
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
