/** What a network is trained on, as plain data: the samples as they are, or adversarial ones made on the way. */
import { construct, type Input } from '../base/schema.js';
import { type RegimeSpec, regimeDescriptors as regimes } from './regimes/index.js';

/** Training on the samples as they are. */
export function natural(): RegimeSpec {
  return { type: 'natural' };
}

/**
 * Training on adversarial examples alone (Madry et al. 2018), made anew for every batch with batch norm in
 * eval mode.
 *
 * @param attack one that climbs the model's own gradient: `attacks.pgd(...)` or `attacks.fgsm(...)`.
 * @param options.epsilon radius of the ball in pixel units, > 0.
 * @throws {ConfigError}
 */
export function adversarial(
  attack: Input<typeof regimes.adversarial.schema>['attack'],
  options: { epsilon: number },
): RegimeSpec {
  return construct(regimes.adversarial, { ...options, attack }, 'regimes.adversarial');
}
