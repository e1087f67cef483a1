/** One attack after another, each on the samples that those before have left. */
import { construct, type Options } from '../../base/schema.js';
import { type Attack, all, type Batch, put } from '../core/attack.js';
import { apgdDescriptor } from '../fixed/apgd.js';
import type { AttackSpec } from '../table.js';

/** One attack of a cascade. */
export interface Stage {
  /** Unique in its cascade. */
  name: string;
  attack: AttackSpec;
  /** Queries of each sample in this stage; as many as the cascade has left when left out. */
  maxQueries?: number;
  /** The loss that the margin has taken the place of, for lack of classes. */
  replaced?: string;
}

/** Classes that the logits of these losses must have. */
const leastClasses = { crossEntropy: 1, margin: 2, dlr: 3, targetedDlr: 4 } as const;

/** APGD as a stage; on the margin where the model has too few classes for its loss. */
export function climb(name: string, options: Options<typeof apgdDescriptor>, classes: number): Stage {
  const { loss = 'crossEntropy' } = options;
  if (classes >= leastClasses[loss]) return { name, attack: construct(apgdDescriptor, options) };
  const { targetClasses: _, ...rest } = options;
  return { name: `${name} (margin)`, attack: construct(apgdDescriptor, { ...rest, loss: 'margin' }), replaced: loss };
}

/** Runs the stages; a sample that none breaks keeps the candidate of the last one that it saw. */
export function* runCascade(stages: readonly Stage[], batch: Batch): ReturnType<Attack<AttackSpec>> {
  const { target, x, count } = batch;
  const { size } = target;
  const result = x.slice();
  let left = all(count);
  for (const [at, { name, attack, maxQueries }] of stages.entries()) {
    left = left.filter((i) => target.left(i) > 0);
    if (left.length === 0) break;
    const before = { ...target.queries };
    // A cascade inside is one attack: its own stages would count its queries twice.
    const run = batch.run(attack, { samples: left, maxQueries, attempt: at + 1, stage: () => {} });
    let next = run.next();
    for (; !next.done; next = run.next()) {
      yield next.value === undefined ? undefined : (at + next.value) / stages.length;
    }
    put(result, left, next.value, size);
    const { success } = yield* batch.grade(next.value, left);
    const { forward, backward } = target.queries;
    batch.stage({
      name,
      attacked: left.length,
      broken: success.filter(Boolean).length,
      queries: { forward: forward - before.forward, backward: backward - before.backward },
    });
    left = left.filter((_, place) => !success[place]);
  }
  return result;
}
