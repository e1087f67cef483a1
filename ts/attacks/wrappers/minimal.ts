/**
 * The smallest ball in which an attack of a fixed radius succeeds, by bisection: the radius doubles until a sample falls,
 * then the gap between the largest radius that failed and the smallest that did not is halved. In l0 radii are whole.
 */
import { descriptor, integer, lazy, optional, type Schema, type Tagged, tagged } from '../../base/schema.js';
import { type Attack, type AttackDescriptor, all, type Batch, put } from '../core/attack.js';
import { diameter, radiiIn } from '../core/norms.js';
import { type AttackSpec, fixedRadius, normOf } from '../table.js';

/** See `attacks.minimal`. */
export interface MinimalSpec {
  /** Tells it from other attacks. */
  type: 'minimal';
  /** The attack inside. */
  attack: AttackSpec;
  /** Halvings of the gap. */
  steps: number;
}

type Written = Pick<MinimalSpec, 'type' | 'attack'> & Partial<MinimalSpec>;

/** With its type written out, for the attack inside may be any of a fixed radius. */
export const minimalDescriptor: AttackDescriptor<'minimal', Tagged<'minimal', Written, MinimalSpec>> = descriptor(
  tagged('minimal', {
    attack: lazy((): Schema<AttackSpec> => fixedRadius),
    steps: optional(integer({ min: 1, max: 50 }), 10),
  }),
  { family: 'minimal' },
);

/** How often the radius doubles on its way from the first to that of the whole box. */
const doublings = 6;

export const minimal: Attack<MinimalSpec> = function* (spec, batch) {
  const { x, count, epsilon } = batch;
  const { size } = batch.target;
  const found = { points: x.slice(), distance: new Float32Array(count).fill(Number.POSITIVE_INFINITY) };
  const norm = normOf(spec);
  const largest = diameter(norm, size);
  const rounds = doublings + 1 + spec.steps;
  // Radii where each sample stands: the attack fails at the first, and succeeds at the second.
  const low = new Float64Array(count);
  const high = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  // A ball that was asked for is the only one of interest.
  const radii = Number.isFinite(epsilon)
    ? [Math.min(epsilon, largest)]
    : radiiIn(
        norm,
        Array.from({ length: doublings + 1 }, (_, i) => largest / 2 ** (doublings - i)),
      );
  for (const [round, radius] of radii.entries()) {
    const still = batch.target.afford(all(count), 1).filter((i) => high[i] === Number.POSITIVE_INFINITY);
    const broken = yield* attempt(spec, batch, still, radius, round, found);
    for (const [at, i] of still.entries()) (broken[at] ? high : low)[i] = radius;
    yield (round + 1) / rounds;
  }
  if (Number.isFinite(epsilon)) return found.points;
  for (let step = 0; step < spec.steps; step++) {
    const groups = new Map<number, number[]>();
    for (const i of batch.target.afford(all(count), 1)) {
      if (high[i] === Number.POSITIVE_INFINITY) continue;
      const [radius] = radiiIn(norm, [(low[i] + high[i]) / 2]);
      if (radius === high[i]) continue;
      // What lies in a ball needs no attack to be found in it.
      if (found.distance[i] <= radius) high[i] = radius;
      else groups.set(radius, [...(groups.get(radius) ?? []), i]);
    }
    for (const [radius, samples] of groups) {
      const broken = yield* attempt(spec, batch, samples, radius, doublings + 1 + step, found);
      for (const [at, i] of samples.entries()) (broken[at] ? high : low)[i] = radius;
    }
    yield (doublings + 2 + step) / rounds;
  }
  return found.points;
};

/** Runs the attack inside one ball, keeps what is closer than before, and says for which samples it succeeded. */
function* attempt(
  { attack }: MinimalSpec,
  batch: Batch,
  samples: readonly number[],
  epsilon: number,
  number: number,
  found: { points: Float32Array; distance: Float32Array },
): Generator<undefined, boolean[], void> {
  if (samples.length === 0) return [];
  const { size } = batch.target;
  const run = batch.run(attack, { samples, epsilon, attempt: number });
  let next = run.next();
  for (; !next.done; next = run.next()) yield;
  const { clipped, success, distances } = yield* batch.grade(next.value, samples, epsilon);
  for (const [at, i] of samples.entries()) {
    if (!success[at] || distances[at] >= found.distance[i]) continue;
    found.distance[i] = distances[at];
    put(found.points, [i], clipped.subarray(at * size, (at + 1) * size), size);
  }
  return success;
}
