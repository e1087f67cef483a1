/** All regimes by type: what they are, and which samples they train on. */
import { family, type Member, variant } from '../../base/schema.js';
import { adversarial, adversarialDescriptor } from './adversarial.js';
import { natural, naturalDescriptor } from './natural.js';
import type { Regime, RegimeTraits } from './regime.js';

export const regimeDescriptors = family({ adversarial: adversarialDescriptor, natural: naturalDescriptor });

/** Any regime, as plain data. */
export type RegimeSpec = Member<typeof regimeDescriptors>;

export const regimeSchema = variant(regimeDescriptors, 'a regime made by regimes.*');

const regimes: { [Type in RegimeSpec['type']]: Regime<Extract<RegimeSpec, { type: Type }>> } = { adversarial, natural };

/** What is true of a regime. */
export function traitsOf({ type }: RegimeSpec): RegimeTraits {
  return regimeDescriptors[type].traits;
}

/** How a regime works. */
export function regimeOf(spec: RegimeSpec): Regime<RegimeSpec> {
  return regimes[spec.type] as Regime<RegimeSpec>;
}
