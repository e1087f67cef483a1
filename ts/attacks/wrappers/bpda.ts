/**
 * An attack along a surrogate gradient: the model's own, but for k-WTA layers, whose mask is replaced on the way back
 * (backward pass differentiable approximation: Athalye, Carlini & Wagner 2018). A loser that is about to win has a
 * gradient then.
 */
import { choice, descriptor, lazy, optional, type Schema, type Tagged, tagged } from '../../base/schema.js';
import { checkedSurrogate, type Surrogate, surrogates, temperature } from '../../ops/kwta.js';
import type { Attack, AttackDescriptor } from '../core/attack.js';
import { type AttackSpec, followsGradient } from '../table.js';

/** See `attacks.bpda`. */
export interface BpdaSpec extends Surrogate {
  /** Tells it from other attacks. */
  type: 'bpda';
  /** The attack inside. */
  attack: AttackSpec;
}

type Written = Pick<BpdaSpec, 'type' | 'attack'> & Partial<BpdaSpec>;

export const bpdaDescriptor: AttackDescriptor<'bpda', Tagged<'bpda', Written, BpdaSpec>> = descriptor(
  checkedSurrogate(
    tagged('bpda', {
      attack: lazy((): Schema<AttackSpec> => followsGradient),
      backward: optional(choice(surrogates), 'softmask'),
      temperature: optional(temperature()),
    }),
  ),
  { gradient: 'surrogate' },
);

export const bpda: Attack<BpdaSpec> = ({ attack, backward, temperature }, batch) => {
  const target = batch.target.withBackward({ backward, temperature });
  if (target === undefined) batch.warn('bpda: the model has no k-WTA layer, so that no gradient was replaced');
  return batch.run(attack, { target });
};
