/** All regimes by type: what they are, and how they work. */
import { family, type Member, variant } from '../../base/schema.js';
import { adversarial, adversarialDescriptor } from './adversarial.js';
import { fast, fastDescriptor } from './fast.js';
import { free, freeDescriptor } from './free.js';
import { natural, naturalDescriptor } from './natural.js';
import type { Regime, RegimeTraits } from './regime.js';
import { trades, tradesDescriptor } from './trades.js';

export const regimeDescriptors = family({
  adversarial: adversarialDescriptor,
  fast: fastDescriptor,
  free: freeDescriptor,
  natural: naturalDescriptor,
  trades: tradesDescriptor,
});

/** Any regime, as plain data. */
export type RegimeSpec = Member<typeof regimeDescriptors>;

export const regimeSchema = variant(regimeDescriptors, 'a regime made by regimes.*');

const regimes: { [Type in RegimeSpec['type']]: Regime<Extract<RegimeSpec, { type: Type }>> } = {
  adversarial,
  fast,
  free,
  natural,
  trades,
};

/** What is true of a regime. */
export function traitsOf({ type }: RegimeSpec): RegimeTraits {
  return regimeDescriptors[type].traits;
}

/** How a regime works. */
export function regimeOf(spec: RegimeSpec): Regime<RegimeSpec> {
  return regimes[spec.type] as Regime<RegimeSpec>;
}

/** Steps of the optimizer for each batch, one after another: as many as a regime with replays says. */
export function replaysOf(spec: RegimeSpec): number {
  return 'replays' in spec ? spec.replays : 1;
}
