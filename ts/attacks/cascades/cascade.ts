/** One attack after another, each on the samples that those before have left. */
import { construct, type Options } from '../../base/schema.js';
import { leastClasses } from '../../graph/losses.js';
import { type Attack, all, asPart, type Batch, put } from '../core/attack.js';
import { targetedDlrRanks } from '../core/targetedDlr.js';
import { apgdDescriptor } from '../fixed/apgd.js';
import type { AttackSpec } from '../table.js';

/** One attack of a cascade. */
export interface Stage {
  /** Unique in its cascade. */
  name: string;
  attack: AttackSpec;
  /** The loss that the margin has taken the place of, for lack of classes. */
  replaced?: string;
}

/** APGD as a stage; on the margin where the model has too few classes for its loss. */
export function climb(name: string, options: Options<typeof apgdDescriptor>, classes: number): Stage {
  const { loss = 'crossEntropy' } = options;
  const least = loss === 'targetedDlr' ? targetedDlrRanks : leastClasses[loss];
  if (classes >= least) return { name, attack: construct(apgdDescriptor, options) };
  const { targetClasses: _, ...rest } = options;
  return { name: `${name} (margin)`, attack: construct(apgdDescriptor, { ...rest, loss: 'margin' }), replaced: loss };
}

/** Runs the stages; a sample that none breaks keeps the candidate of the last one that it saw. */
export function* runCascade(stages: readonly Stage[], batch: Batch): ReturnType<Attack<AttackSpec>> {
  const { target, x, count } = batch;
  const { size } = target;
  const result = x.slice();
  let left = all(count);
  for (const [at, { name, attack }] of stages.entries()) {
    left = left.filter((i) => target.left(i) > 0);
    if (left.length === 0) break;
    const before = { ...target.queries };
    // A cascade inside is one attack: its own stages would count its queries twice.
    const run = batch.run(attack, { samples: left, attempt: at + 1, stage: () => {} });
    const candidates = yield* asPart(run, at, stages.length);
    put(result, left, candidates, size);
    const { success } = yield* batch.grade(candidates, left);
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
