/**
 * A cascade for networks that are discontinuous, where the true gradient leads nowhere. Softened gradients come first, for
 * they break most for the least queries; what is left is searched without any gradient. In linf and l1 squares break
 * most of it, in l2 steps along an estimated gradient (docs/adaptive.md says what was tried).
 */
import { choice, construct, descriptor, type Output, optional, string, tagged } from '../../base/schema.js';
import { estimatedGradientDescriptor } from '../blackBox/estimatedGradient.js';
import { squareDescriptor } from '../blackBox/square.js';
import type { Attack } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { bpdaDescriptor } from '../wrappers/bpda.js';
import { smoothedDescriptor } from '../wrappers/smoothed.js';
import { transferDescriptor } from '../wrappers/transfer.js';
import { climb, runCascade, type Stage } from './cascade.js';

/** See `attacks.adaptiveKwta`. */
export const adaptiveKwtaDescriptor = descriptor(
  tagged('adaptiveKwta', {
    norm: fields.norm(),
    /** All stages together stay below 10,000 queries of a sample, or 1,000,000. */
    budget: optional(choice(['quick', 'full']), 'quick'),
    /** Id of a model to make examples on. */
    source: optional(string()),
  }),
  { family: 'fixed', gradient: 'several' },
);

export type AdaptiveKwtaSpec = Output<typeof adaptiveKwtaDescriptor.schema>;

export const adaptiveKwta: Attack<AdaptiveKwtaSpec> = (spec, batch) => {
  const { norm, budget, source } = spec;
  const { target } = batch;
  if (source === undefined) batch.warn('adaptiveKwta: no source was given, so that nothing was transferred');
  const margin = climb('apgd-margin', { norm, loss: 'margin' }, target.classes).attack;
  const soft = (temperature: number): Stage => ({
    name: `softened gradient ${temperature}`,
    attack: construct(bpdaDescriptor, { attack: margin, temperature }),
  });
  const search = (queries: number, restarts: number): Stage => ({
    name: `square ${queries} x ${restarts}`,
    attack: construct(squareDescriptor, { norm, queries, restarts }),
  });
  const estimate = (steps: number, samples: number | number[]): Stage => ({
    name: `estimated gradient ${[samples].flat().join('-')}`,
    attack: construct(estimatedGradientDescriptor, { norm, steps, samples }),
  });
  const transferred: Stage[] =
    source === undefined
      ? []
      : [{ name: 'transfer', attack: construct(transferDescriptor, { source, attack: margin }) }];
  // Where no gradient has to be softened, its own place is taken by the true one.
  const discontinuous = target.withBackward({ backward: 'softmask' }) !== undefined;
  const targeted = climb('apgd-t', { norm, loss: 'targetedDlr', targetClasses: 9 }, target.classes);
  const climbs = discontinuous ? [soft(0.2), soft(0.1)] : [targeted];
  const searches = discontinuous
    ? { l2: [estimate(75, 100), search(1900, 1)], others: [search(4500, 2)] }
    : { l2: [estimate(60, 100), search(2000, 1)], others: [search(4000, 2)] };
  const quick = [...transferred, ...climbs, ...(norm === 'l2' ? searches.l2 : searches.others)];
  if (budget === 'quick') return runCascade(quick, batch);
  if (!discontinuous) {
    batch.warn('adaptiveKwta: the model has no k-WTA layer, so that no more than the quick budget was spent');
    return runCascade(quick, batch);
  }
  const smoothed = construct(smoothedDescriptor, { attack: soft(0.2).attack, samples: 10 });
  return runCascade(
    [
      ...quick,
      { name: 'smoothed and softened gradient', attack: smoothed },
      targeted,
      search(10_000, 10),
      // The schedule of Tramer et al.
      estimate(100, [100, 1000, 20_000]),
      search(20_000, 8),
    ],
    batch,
  );
};
