/** Training on adversarial examples alone (Madry et al. 2018), made anew for every batch with batch norm in eval mode. */
import { perturb } from '../../attacks/core/run.js';
import { type AttackSpec, attackSchema, normOf, traitsOf } from '../../attacks/table.js';
import { descriptor, number, type Output, refined, type Schema, tagged } from '../../base/schema.js';
import { lossGradients } from '../loss.js';
import { type Regime, type RegimeTraits, watch } from './regime.js';

/** See `regimes.adversarial`. */
export type AdversarialSpec = Output<typeof adversarialDescriptor.schema>;

/** What the field `attack` takes: it has to be quick, and to stay in a ball. */
const climbing: Schema<AttackSpec> = refined(attackSchema as Schema<AttackSpec>, (spec) => {
  const { family, gradient } = traitsOf(spec);
  if (family === 'fixed' && gradient === 'exact') return undefined;
  return `expected an attack inside a ball along the model's own gradient, as attacks.pgd(...), got the type '${spec.type}'`;
});

const traits: RegimeTraits = { takesMixtures: false, perturbs: true, keeps: false, watches: false };

export const adversarialDescriptor = descriptor(
  refined(
    tagged('adversarial', { attack: climbing, epsilon: number({ above: 0 }) }),
    ({ attack, epsilon }) =>
      normOf(attack) === 'l0' && !Number.isInteger(epsilon)
        ? `expected a whole number of values in l0, got ${epsilon}`
        : undefined,
    'epsilon',
  ),
  traits,
);

export const adversarial: Regime<AdversarialSpec> = {
  watch,
  gradients({ attack, epsilon }, { network, x, targets, options, random }) {
    const samples = perturb(network, attack, { x, labels: targets.labels, epsilon, random });
    return lossGradients(network, samples, targets, options);
  },
};
