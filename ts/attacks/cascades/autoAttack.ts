/**
 * AutoAttack (Croce & Hein 2020; l1: Croce & Hein 2021): a fixed set of attacks without a parameter to choose, each on
 * what the ones before have left.
 */
import {
  array,
  choice,
  construct,
  descriptor,
  lazy,
  type Options,
  optional,
  refined,
  type Schema,
  type Tagged,
  tagged,
} from '../../base/schema.js';
import { squareDescriptor } from '../blackBox/square.js';
import type { Attack, AttackDescriptor } from '../core/attack.js';
import * as fields from '../core/fields.js';
import type { ConvexNorm } from '../core/norms.js';
import type { apgdDescriptor } from '../fixed/apgd.js';
import { fabDescriptor } from '../minimal/fab.js';
import { type AttackSpec, normOf, sourceless } from '../table.js';
import { climb, runCascade, type Stage } from './cascade.js';

const versions = ['standard', 'plus', 'rand'] as const;

/** See `attacks.autoAttack`. */
export interface AutoAttackSpec {
  /** Tells it from other attacks. */
  type: 'autoAttack';
  /** `linf`, `l2` or `l1`. */
  norm: ConvexNorm;
  /** Which attacks it has: `standard`, `plus` or `rand`. */
  version: (typeof versions)[number];
  /** In place of the version's own. */
  attacks?: AttackSpec[];
}

export const autoAttackDescriptor: AttackDescriptor<
  'autoAttack',
  Tagged<'autoAttack', { type: 'autoAttack' } & Partial<AutoAttackSpec>, AutoAttackSpec>
> = descriptor(
  refined(
    tagged('autoAttack', {
      norm: fields.norm(),
      version: optional(choice(versions), 'standard'),
      attacks: optional(array(lazy((): Schema<AttackSpec> => sourceless))),
    }),
    ({ norm, attacks }) => {
      if (attacks?.length === 0) return 'expected at least one attack, got none';
      const other = attacks?.find((attack) => normOf(attack) !== norm);
      return other && `expected attacks in ${norm}, got '${other.type}' in ${normOf(other)}`;
    },
    'attacks',
  ),
  { family: 'fixed', gradient: 'several' },
);

export const autoAttack: Attack<AutoAttackSpec> = (spec, batch) => {
  const { classes } = batch.target;
  if (spec.attacks !== undefined) {
    return runCascade(
      spec.attacks.map((attack, i) => ({ name: `${i + 1} ${attack.type}`, attack })),
      batch,
    );
  }
  const stages = stagesOf(spec, classes);
  for (const { replaced } of stages) {
    if (replaced === undefined) continue;
    batch.warn(`autoAttack: ${classes} classes are too few for the loss '${replaced}'; the margin takes its place`);
  }
  return runCascade(stages, batch);
};

/** The attacks of a version. */
function stagesOf({ norm, version }: AutoAttackSpec, classes: number): Stage[] {
  const ascent = (name: string, options: Options<typeof apgdDescriptor>): Stage =>
    climb(name, { ...options, norm }, classes);
  const fab = (name: string, options: Options<typeof fabDescriptor>): Stage => ({
    name,
    attack: construct(fabDescriptor, { ...options, norm }),
  });
  const square: Stage = { name: 'square', attack: construct(squareDescriptor, { norm }) };
  const inL1 = norm === 'l1';
  const targeted = ascent('apgd-t', { loss: 'targetedDlr', targetClasses: inL1 ? 5 : 9 });
  const stages: Readonly<Record<AutoAttackSpec['version'], () => Stage[]>> = {
    standard: () => [ascent('apgd-ce', { restarts: inL1 ? 5 : 1 }), targeted, fab('fab-t', { targeted: true }), square],
    plus: () => [
      ascent('apgd-ce', { restarts: 5 }),
      ascent('apgd-dlr', { loss: 'dlr', restarts: 5 }),
      fab('fab', { restarts: 5 }),
      square,
      targeted,
      fab('fab-t', { targeted: true }),
    ],
    rand: () => [ascent('apgd-ce', { eot: 20 }), ascent('apgd-dlr', { loss: 'dlr', eot: 20 })],
  };
  return stages[version]();
}
