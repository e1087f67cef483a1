/**
 * A cascade for networks that are discontinuous, where the true gradient leads nowhere. Softened gradients come first, for
 * they break most for the least queries; what is left is searched without any gradient. In linf and l1 squares break
 * most of it, in l2 steps along an estimated gradient, in l0 sigma-zero along softened gradients (docs/adaptive.md says
 * what was tried).
 */
import { choice, construct, descriptor, type Output, optional, string, tagged } from '../../base/schema.js';
import { estimatedGradientDescriptor } from '../blackBox/estimatedGradient.js';
import { squareDescriptor } from '../blackBox/square.js';
import type { Attack } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { type ConvexNorm, norms } from '../core/norms.js';
import { noiseDescriptor } from '../fixed/noise.js';
import { pgdDescriptor } from '../fixed/pgd.js';
import { sigmaZeroDescriptor } from '../minimal/sigmaZero.js';
import type { AttackSpec } from '../table.js';
import { bpdaDescriptor } from '../wrappers/bpda.js';
import { smoothedDescriptor } from '../wrappers/smoothed.js';
import { transferDescriptor } from '../wrappers/transfer.js';
import { climb, runCascade, type Stage } from './cascade.js';

/** See `attacks.adaptiveKwta`. */
export const adaptiveKwtaDescriptor = descriptor(
  tagged('adaptiveKwta', {
    norm: fields.norm(norms),
    /** All stages together stay below 10,000 queries of a sample, or 1,000,000. */
    budget: optional(choice(['quick', 'full']), 'quick'),
    /** Id of a model to make examples on. */
    source: optional(string()),
  }),
  { family: 'fixed', gradient: 'several' },
);

/** What `attacks.adaptiveKwta` makes: plain data, its options with the defaults filled in. */
export type AdaptiveKwtaSpec = Output<typeof adaptiveKwtaDescriptor.schema>;

export const adaptiveKwta: Attack<AdaptiveKwtaSpec> = (spec, batch) => {
  const { norm, budget, source } = spec;
  const { target } = batch;
  if (source === undefined) batch.warn('adaptiveKwta: no source was given, so that nothing was transferred');
  // Where no gradient has to be softened, its own place is taken by the true one.
  const discontinuous = target.withBackward({ backward: 'softmask' }) !== undefined;
  const { ascent, quick, more } = norm === 'l0' ? inL0(discontinuous) : inConvex(norm, discontinuous, target.classes);
  const transferred: Stage[] =
    source === undefined
      ? []
      : [{ name: 'transfer', attack: construct(transferDescriptor, { source, attack: ascent }) }];
  const stages = [...transferred, ...quick];
  if (budget === 'quick') return runCascade(stages, batch);
  if (!discontinuous) {
    batch.warn('adaptiveKwta: the model has no k-WTA layer, so that no more than the quick budget was spent');
    return runCascade(stages, batch);
  }
  return runCascade([...stages, ...more], batch);
};

/** The stages of a norm. */
interface Stages {
  /** What makes examples on another model. */
  ascent: AttackSpec;
  quick: Stage[];
  /** What comes after them with the full budget. */
  more: Stage[];
}

/** An attack along gradients that are softened at the k-WTA layers. */
const softened = (attack: AttackSpec, temperature: number): Stage => ({
  name: `softened gradient ${temperature}`,
  attack: construct(bpdaDescriptor, { attack, temperature }),
});

/** The same on gradients that are means over noise, too. */
const smoothed = ({ attack }: Stage): Stage => ({
  name: 'smoothed and softened gradient',
  attack: construct(smoothedDescriptor, { attack, samples: 10 }),
});

function inConvex(norm: ConvexNorm, discontinuous: boolean, classes: number): Stages {
  const ascent = climb('apgd-margin', { norm, loss: 'margin' }, classes).attack;
  const search = (queries: number, restarts: number): Stage => ({
    name: `square ${queries} x ${restarts}`,
    attack: construct(squareDescriptor, { norm, queries, restarts }),
  });
  const estimate = (steps: number, samples: number | number[]): Stage => ({
    name: `estimated gradient ${[samples].flat().join('-')}`,
    attack: construct(estimatedGradientDescriptor, { norm, steps, samples }),
  });
  const targeted = climb('apgd-t', { norm, loss: 'targetedDlr', targetClasses: 9 }, classes);
  const climbs = discontinuous ? [softened(ascent, 0.2), softened(ascent, 0.1)] : [targeted];
  const searches = discontinuous
    ? { l2: [estimate(75, 100), search(1900, 1)], others: [search(4500, 2)] }
    : { l2: [estimate(60, 100), search(2000, 1)], others: [search(4000, 2)] };
  return {
    ascent,
    quick: [...climbs, ...(norm === 'l2' ? searches.l2 : searches.others)],
    more: [
      smoothed(softened(ascent, 0.2)),
      targeted,
      search(10_000, 10),
      // The schedule of Tramer et al.
      estimate(100, [100, 1000, 20_000]),
      search(20_000, 8),
    ],
  };
}

/** There are no squares in l0: what is searched without a gradient is salt and pepper. */
function inL0(discontinuous: boolean): Stages {
  const norm = 'l0';
  const closest = construct(sigmaZeroDescriptor, {});
  const search = (repeats: number): Stage => ({
    name: `salt and pepper ${repeats}`,
    attack: construct(noiseDescriptor, { norm, kind: 'saltPepper', repeats }),
  });
  const climbs = discontinuous ? [softened(closest, 0.3), softened(closest, 0.1)] : [];
  return {
    ascent: construct(pgdDescriptor, { norm, loss: 'margin', earlyStop: true, restarts: 5 }),
    quick: [...climbs, { name: 'sigma-zero', attack: closest }, search(3900)],
    more: [smoothed(softened(closest, 0.3)), search(20_000)],
  };
}
