/** Training on the samples as they are. */
import { descriptor, type Output, tagged } from '../../base/schema.js';
import { lossGradients } from '../loss.js';
import { type Regime, type RegimeTraits, watch } from './regime.js';

/** See `regimes.natural`. */
export type NaturalSpec = Output<typeof naturalDescriptor.schema>;

const traits: RegimeTraits = { takesMixtures: true, perturbs: false, keeps: false, watches: false };

export const naturalDescriptor = descriptor(tagged('natural', {}), traits);

export const natural: Regime<NaturalSpec> = {
  watch,
  gradients: (_, { network, x, targets, options }) => lossGradients(network, x, targets, options),
};
