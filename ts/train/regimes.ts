/** What a network is trained on: the samples as they are, or adversarial ones made on the way. */

import type { FgsmSpec, PgdSpec } from '../attacks/index.js';
import { checkKeys, checkNumber, checkType } from '../base/check.js';

/** See {@link natural} and {@link adversarial}. */
export type RegimeSpec = { type: 'natural' } | { type: 'adversarial'; attack: PgdSpec | FgsmSpec; epsilon: number };

/** Training on the samples as they are. */
export function natural(): RegimeSpec {
  return { type: 'natural' };
}

/**
 * Training on adversarial examples alone (Madry et al. 2018), made anew for every batch with batch norm in
 * eval mode.
 *
 * @param attack `attacks.pgd(...)` or `attacks.fgsm(...)`.
 * @param options.epsilon radius of the ball in pixel units, > 0.
 * @throws {ConfigError}
 */
export function adversarial(attack: PgdSpec | FgsmSpec, options: { epsilon: number }): RegimeSpec {
  checkType('regimes.adversarial', attack, ['pgd', 'fgsm'], 'attacks.pgd(...) or attacks.fgsm(...)');
  checkKeys('regimes.adversarial', options, ['epsilon']);
  checkNumber('regimes.adversarial.epsilon', options.epsilon, { above: 0 });
  return { type: 'adversarial', attack, epsilon: options.epsilon };
}
