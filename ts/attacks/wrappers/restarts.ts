/**
 * An attack again and again with other random numbers, on what is left: the first success counts, or the closest one of an
 * attack of minimum norm. The first run is the attack as it is without restarts.
 */
import { descriptor, integer, lazy, type Schema, type Tagged, tagged } from '../../base/schema.js';
import { type Attack, type AttackDescriptor, all, asPart, pick, put } from '../core/attack.js';
import { type AttackSpec, attackSchema, traitsOf } from '../table.js';

/** See `attacks.restarts`. */
export interface RestartsSpec {
  /** Tells it from other attacks. */
  type: 'restarts';
  /** The attack inside. */
  attack: AttackSpec;
  /** How often it runs. */
  runs: number;
}

export const restartsDescriptor: AttackDescriptor<'restarts', Tagged<'restarts', RestartsSpec>> = descriptor(
  tagged('restarts', {
    attack: lazy((): Schema<AttackSpec> => attackSchema as Schema<AttackSpec>),
    runs: integer({ min: 1 }),
  }),
  {},
);

export const restarts: Attack<RestartsSpec> = function* ({ attack, runs }, batch) {
  const { target, x, count } = batch;
  const { size } = target;
  const minimal = traitsOf(attack).family === 'minimal';
  const result = x.slice();
  const closest = new Float32Array(count).fill(Number.POSITIVE_INFINITY);
  let active = all(count);
  for (let run = 0; run < runs && active.length > 0; run++) {
    const candidates = yield* asPart(batch.run(attack, { samples: active, attempt: run }), run, runs);
    const { success, distances } = yield* batch.grade(candidates, active);
    const better = all(active.length).filter((at) => run === 0 || (success[at] && distances[at] < closest[active[at]]));
    const of = better.map((at) => active[at]);
    put(result, of, pick(candidates, better, size), size);
    for (const at of better) if (success[at]) closest[active[at]] = distances[at];
    active = active.filter((i) => (minimal || closest[i] === Number.POSITIVE_INFINITY) && target.left(i) > 0);
  }
  return result;
};
