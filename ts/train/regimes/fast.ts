/**
 * Fast adversarial training (Wong et al. 2020): one step of FGSM from a random point of the ball, with batch norm in eval mode,
 * then one of training at the point that it leads to. Networks can learn to fool the single step, from one epoch to the next:
 * then they stand it better than before, and nothing else. So both are measured after each epoch.
 */
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { countCorrect } from '../../graph/predictions.js';
import { lossGradients } from '../loss.js';
import { awayFrom, climbed, uniformStarts } from './climb.js';
import type { Regime, RegimeTraits } from './regime.js';

/** See `regimes.fast`. */
export type FastSpec = Output<typeof fastDescriptor.schema>;

const traits: RegimeTraits = { takesMixtures: false, perturbs: true, keeps: false, watches: true };

export const fastDescriptor = descriptor(
  tagged('fast', { epsilon: number({ above: 0 }), stepSize: optional(number({ above: 0 })) }),
  traits,
);

export const fast: Regime<FastSpec> = {
  gradients(spec, { network, x, targets, options, randomOf }) {
    const starts = uniformStarts(x, network.sampleSize, spec.epsilon, randomOf);
    const points = climbed(network, x, starts, singleStep(spec), awayFrom(targets.labels));
    return lossGradients(network, points, targets, options);
  },
  watch(spec, { network, x, labels, random }) {
    const { epsilon } = spec;
    const starts = uniformStarts(x, network.sampleSize, epsilon, () => random);
    const accuracy = (options: Parameters<typeof climbed>[3]): number => {
      const points = climbed(network, x, starts, options, awayFrom(labels));
      return countCorrect(network.logits(points), labels, network.classes) / labels.length;
    };
    return {
      own: accuracy(singleStep(spec)),
      pgd: accuracy({ steps: 10, stepSize: epsilon / 4, epsilon }),
      samples: labels.length,
    };
  },
};

function singleStep({ epsilon, stepSize = 1.25 * epsilon }: FastSpec) {
  return { steps: 1, stepSize, epsilon };
}
