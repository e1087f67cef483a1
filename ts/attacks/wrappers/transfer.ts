/** Adversarial examples made on another model, tried on this one (Papernot, McDaniel & Goodfellow 2016). */
import { descriptor, lazy, type Schema, string, type Tagged, tagged } from '../../base/schema.js';
import type { Attack, AttackDescriptor } from '../core/attack.js';
import { type AttackSpec, sourceless } from '../table.js';

/** See `attacks.transfer`. */
export interface TransferSpec {
  /** Tells it from other attacks. */
  type: 'transfer';
  /** Id of the model that the examples are made on. */
  source: string;
  /** The attack inside. */
  attack: AttackSpec;
}

/** With its type written out, for the attack inside may be any. */
export const transferDescriptor: AttackDescriptor<'transfer', Tagged<'transfer', TransferSpec>> = descriptor(
  tagged('transfer', { source: string(), attack: lazy((): Schema<AttackSpec> => sourceless) }),
  { gradient: 'transfer' },
);

/** Queries to the source cost the attacker nothing at the target. */
export const transfer: Attack<TransferSpec> = (spec, batch) =>
  batch.run(spec.attack, { model: batch.source(spec.source) });
