/**
 * The attacks that a report runs by name. What is cheap and tells most runs on all samples, so that attacks can be
 * compared; what is expensive gets the samples that those before left.
 */
import { convexNorms, type Norm } from '../attacks/core/norms.js';
import * as attacks from '../attacks/index.js';
import type { AttackSpec } from '../attacks/table.js';
import { checkChoice } from '../base/check.js';

/** Which samples an attack of a report is given: all, or those that no attack before it (of this epsilon) broke. */
export type Scope = 'all' | 'left';

/** An attack and what to call it in reports. */
export interface NamedAttack {
  /** Unique in a report. */
  name: string;
  /** Made by one of `attacks`. */
  attack: AttackSpec;
  /** `'all'` by default. */
  scope?: Scope;
}

const pgd = (norm: Norm): NamedAttack => ({
  name: 'pgd',
  attack: attacks.pgd({ norm, steps: 40, restarts: 2, earlyStop: true }),
});

/**
 * What tells whether a gradient is only hidden, in some hundred queries; a cascade's own search has more. There are no
 * squares in l0.
 */
const search = (norm: Norm, queries: number): NamedAttack =>
  norm === 'l0'
    ? { name: 'saltPepper', attack: attacks.noise({ norm, kind: 'saltPepper', repeats: queries }) }
    : { name: 'square', attack: attacks.square({ norm, queries }) };

/**
 * Walks to the nearest border, where PGD climbs inside a ball: far behind it in a network that jumps, which is how such a
 * network is told. None in l1, which it does not have; in l0 the strongest attack there is.
 */
const closest = (norm: Norm): NamedAttack[] => {
  if (norm === 'l1') return [];
  return norm === 'l0'
    ? [{ name: 'sigmaZero', attack: attacks.sigmaZero() }]
    : [{ name: 'deepFool', attack: attacks.deepFool({ norm }) }];
};

/** Cascades on what is left; AutoAttack is defined in convex balls alone. */
const cascades = (norm: Norm, budget: 'quick' | 'full'): NamedAttack[] => [
  ...(norm === 'l0' ? [] : [{ name: 'autoAttack', attack: attacks.autoAttack({ norm }), scope: 'left' as const }]),
  { name: 'adaptiveKwta', attack: attacks.adaptiveKwta({ norm, budget }), scope: 'left' },
];

/** The presets by name. */
export const presets = {
  /** Seconds: PGD, and a random search that shows whether the gradient is only hidden. An upper bound. */
  quick: (norm: Norm) => [
    { name: 'pgd', attack: attacks.pgd({ norm, steps: 40, earlyStop: true }) },
    search(norm, 500),
  ],
  /** Enough for an honest figure. */
  standard: (norm: Norm) => [pgd(norm), search(norm, 1000), ...closest(norm), ...cascades(norm, 'quick')],
  /** The strongest there is for networks that are discontinuous. */
  adaptive: (norm: Norm) => [pgd(norm), search(norm, 1000), ...closest(norm), ...cascades(norm, 'full')],
  /**
   * The settings of Xiao, Zhong & Zheng (2020), for radii of 0.031: what a published figure was measured with. Carlini &
   * Wagner's attack is theirs in l2, where they looked at its changes in L-inf, too.
   */
  paper: (norm: Norm) => {
    checkChoice("evaluateRobustness.norm: with the attacks 'paper'", norm, convexNorms);
    return [
      { name: 'pgd-40', attack: attacks.pgd({ norm, steps: 40, stepSize: 0.003 }) },
      { name: 'pgd-20', attack: attacks.pgd({ norm, steps: 20, stepSize: 0.007 }) },
      { name: 'mim', attack: attacks.mim({ norm, steps: 10, stepSize: 0.007 }) },
      ...(norm === 'l1' ? [] : [{ name: 'deepFool', attack: attacks.deepFool({ norm, steps: 20 }) }]),
      ...(norm === 'l2'
        ? [{ name: 'carliniWagner', attack: attacks.carliniWagner({ searches: 5, steps: 10, initialConstant: 0.01 }) }]
        : []),
    ];
  },
} satisfies Record<string, (norm: Norm) => NamedAttack[]>;

/** Name of a preset. */
export type Preset = keyof typeof presets;

/** Presets that leave attacks out which are known to break more: what they find is an upper bound. */
export const weakPresets: readonly string[] = ['quick', 'paper'] satisfies Preset[];
