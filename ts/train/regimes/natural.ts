/** Training on the samples as they are. */
import { descriptor, type Output, tagged } from '../../base/schema.js';
import type { Regime } from './regime.js';

/** See `regimes.natural`. */
export type NaturalSpec = Output<typeof naturalDescriptor.schema>;

export const naturalDescriptor = descriptor(tagged('natural', {}), {});

export const natural: Regime<NaturalSpec> = { samples: (_, { x }) => x };
