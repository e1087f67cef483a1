/**
 * The attacks that a report runs by name. What is cheap and tells most runs on all samples, so that attacks can be
 * compared; what is expensive gets the samples that those before left.
 */
import type { Norm } from '../attacks/core/norms.js';
import * as attacks from '../attacks/index.js';
import type { AttackSpec } from '../attacks/table.js';

/** Which samples an attack of a report is given: all, or those that no attack before it (of this epsilon) broke. */
export type Scope = 'all' | 'left';

/** An attack and what to call it in reports. */
export interface NamedAttack {
  /** Unique in a report. */
  name: string;
  attack: AttackSpec;
  /** `'all'` by default. */
  scope?: Scope;
}

const pgd = (norm: Norm): NamedAttack => ({
  name: 'pgd',
  attack: attacks.pgd({ norm, steps: 40, restarts: 2, earlyStop: true }),
});

/** Enough queries to tell whether a gradient is only hidden; a cascade's own has more. */
const square = (norm: Norm): NamedAttack => ({ name: 'square', attack: attacks.square({ norm, queries: 1000 }) });

/**
 * Walks to the nearest border, where PGD climbs inside a ball: far behind it in a network that jumps, which is how such a
 * network is told. None in a norm that it does not have.
 */
const deepFool = (norm: Norm): NamedAttack[] =>
  norm === 'linf' || norm === 'l2' ? [{ name: 'deepFool', attack: attacks.deepFool({ norm }) }] : [];

const autoAttack = (norm: Norm): NamedAttack => ({
  name: 'autoAttack',
  attack: attacks.autoAttack({ norm }),
  scope: 'left',
});

const adaptiveKwta = (norm: Norm, budget: 'quick' | 'full'): NamedAttack => ({
  name: 'adaptiveKwta',
  attack: attacks.adaptiveKwta({ norm, budget }),
  scope: 'left',
});

/** The presets by name. */
export const presets = {
  /** Seconds: PGD, and a random search that shows whether the gradient is only hidden. An upper bound. */
  quick: (norm: Norm) => [
    { name: 'pgd', attack: attacks.pgd({ norm, steps: 40, earlyStop: true }) },
    { name: 'square', attack: attacks.square({ norm, queries: 500 }) },
  ],
  /** Enough for an honest figure. */
  standard: (norm: Norm) => [pgd(norm), square(norm), ...deepFool(norm), autoAttack(norm), adaptiveKwta(norm, 'quick')],
  /** The strongest there is for networks that are discontinuous. */
  adaptive: (norm: Norm) => [pgd(norm), square(norm), ...deepFool(norm), autoAttack(norm), adaptiveKwta(norm, 'full')],
  /** The settings of Xiao, Zhong & Zheng (2020), for radii of 0.031: what a published figure was measured with. */
  paper: (norm: Norm) => [
    { name: 'pgd-40', attack: attacks.pgd({ norm, steps: 40, stepSize: 0.003 }) },
    { name: 'pgd-20', attack: attacks.pgd({ norm, steps: 20, stepSize: 0.007 }) },
    { name: 'mim', attack: attacks.mim({ norm, steps: 10, stepSize: 0.007 }) },
  ],
} satisfies Record<string, (norm: Norm) => NamedAttack[]>;

/** Name of a preset. */
export type Preset = keyof typeof presets;

/** Presets that leave attacks out which are known to break more: what they find is an upper bound. */
export const weakPresets: readonly string[] = ['quick', 'paper'] satisfies Preset[];
