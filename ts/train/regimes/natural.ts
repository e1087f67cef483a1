/** Training on the samples as they are. */
import { descriptor, type Output, tagged } from '../../base/schema.js';
import type { Regime, RegimeTraits } from './regime.js';

/** See `regimes.natural`. */
export type NaturalSpec = Output<typeof naturalDescriptor.schema>;

const traits: RegimeTraits = { takesMixtures: true };

export const naturalDescriptor = descriptor(tagged('natural', {}), traits);

export const natural: Regime<NaturalSpec> = { samples: (_, { x }) => x };
