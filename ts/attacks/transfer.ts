/** Adversarial examples made on another model, tried on this one (Papernot, McDaniel & Goodfellow 2016). */
import { ConfigError } from '../base/errors.js';
import { shapeText } from '../base/tensor.js';
import type { Network } from '../graph/network.js';
import type { Attack, AttackSpec } from './attack.js';
import { Target } from './target.js';

/** See `attacks.transfer`. */
export interface TransferSpec {
  type: 'transfer';
  /** Number of the model that the examples are made on. */
  source: number;
  attack: Exclude<AttackSpec, TransferSpec>;
}

/** The attack, given the model it names and the procedure of its inner attack. */
export function transfer(source: Network, inner: Attack<AttackSpec>): Attack<TransferSpec> {
  return function* (spec, input) {
    const { target } = input;
    if (source.sampleSize !== target.size || source.classes !== target.classes) {
      throw new ConfigError(
        `transfer.source: expected a model with input ${shapeText(target.network.spec.input)} and ${target.classes} ` +
          `classes, got ${shapeText(source.spec.input)} and ${source.classes}`,
      );
    }
    // Queries to the source cost the attacker nothing at the target, so they are not counted there.
    return yield* inner(spec.attack, { ...input, target: new Target(source) });
  };
}
