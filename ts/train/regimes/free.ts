/**
 * Free adversarial training (Shafahi et al. 2019): each batch is trained on several times, one step of the optimizer each, and
 * the pass that gives the gradients of the parameters gives that of the samples, too, along which their perturbation moves by
 * epsilon. The perturbation is one for all batches: it goes from replay to replay and on to the batch after.
 */
import { descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import { softGradients } from '../loss.js';
import { type Regime, type RegimeTraits, watch } from './regime.js';

/** See `regimes.free`. */
export type FreeSpec = Output<typeof freeDescriptor.schema>;

// What the perturbation climbs is the loss of training itself.
const traits: RegimeTraits = { takesMixtures: true, perturbs: true, keeps: true, watches: false };

export const freeDescriptor = descriptor(
  tagged('free', { replays: optional(integer({ min: 1 }), 4), epsilon: number({ above: 0 }) }),
  traits,
);

export const free: Regime<FreeSpec> = {
  watch,
  gradients({ epsilon }, { network, x, targets, options, kept }) {
    // A batch at an epoch's end may be smaller: the rest of the perturbation waits.
    const perturbation = kept?.slice() ?? new Float32Array(x.length);
    const moved = x.map((value, i) => value + perturbation[i]);
    const samples = moved.map((value) => Math.min(Math.max(value, 0), 1));
    const { batch, pass } = softGradients(network, samples, targets, options, true);
    const gradient = pass.inputGradient();
    for (const [i, slope] of gradient.entries()) {
      // Beyond the box nothing that a pixel does can be seen.
      if (moved[i] !== samples[i]) continue;
      perturbation[i] = Math.min(Math.max(perturbation[i] + epsilon * Math.sign(slope), -epsilon), epsilon);
    }
    return { ...batch, kept: perturbation };
  },
};
