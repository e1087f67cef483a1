/**
 * TRADES (Zhang et al. 2019): cross entropy on the samples as they are, and `beta` times the Kullback-Leibler divergence
 * `KL(p || q) = sum_c p_c log(p_c / q_c)` from the answers there, p, to those at points nearby that climb it, q. Both branches
 * are differentiated, p too. The points begin at a distance of 0.001 and climb with batch norm in eval mode, where p is
 * computed once. Then each branch goes forward and backward once in train mode, the samples first; batch norm's running
 * statistics follow both. (The authors' program asks for p again where it is known already.)
 */
import { descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import type { Network } from '../../graph/network.js';
import type { Cotangent, Pass, Softmax } from '../../graph/pass.js';
import { lossOf } from '../loss.js';
import { climbed, normalStarts } from './climb.js';
import { type Regime, type RegimeTraits, watch } from './regime.js';

/** See `regimes.trades`. */
export type TradesSpec = Output<typeof tradesDescriptor.schema>;

// The attack climbs away from the answers, not from a class.
const traits: RegimeTraits = { takesMixtures: true, perturbs: true, keeps: false, watches: false };

export const tradesDescriptor = descriptor(
  tagged('trades', {
    beta: optional(number({ min: 0 }), 6),
    steps: optional(integer({ min: 1 }), 10),
    stepSize: optional(number({ above: 0 })),
    epsilon: number({ above: 0 }),
  }),
  traits,
);

/** At the samples themselves the divergence has no slope. */
const sigma = 0.001;

export const trades: Regime<TradesSpec> = {
  watch,
  gradients({ beta, steps, epsilon, stepSize = epsilon / 4 }, { network, x, targets, options, randomOf }) {
    const { classes } = network;
    const starts = normalStarts(x, network.sampleSize, sigma, randomOf);
    const points = climbed(network, x, starts, { steps, stepSize, epsilon }, awayFromAnswers(network, x));
    const training = { mode: 'train', parameters: true, updateRunning: true } as const;
    const clean = network.forward(x, { ...training, slot: 0 });
    const near = network.forward(points, { ...training, slot: 1 });
    const natural = lossOf(clean, targets, options, classes);
    const apart = divergence(answersOf(clean), answersOf(near), classes);
    const share = beta / clean.n;
    clean.backward(natural.cotangent.map((value, i) => value + share * apart.byFirst[i]));
    near.backward(
      apart.bySecond.map((value) => share * value),
      { accumulate: true },
    );
    return { loss: natural.loss + share * apart.sum, correct: natural.correct };
  },
};

/** The cotangent of the divergence from the answers to `x`, in eval mode and given by one pass, for `climbed`. */
export function awayFromAnswers(network: Network, x: Float32Array): (from: number) => Cotangent {
  const { classes } = network;
  const probabilities = new Float32Array((x.length / network.sampleSize) * classes);
  for (const { part, from } of network.batches(x)) {
    probabilities.set(network.forward(part, { inputs: true }).softmax().probabilities, from * classes);
  }
  return (from) => (pass) => pass.softmax().probabilities.map((q, i) => q - probabilities[from * classes + i]);
}

interface Answers extends Softmax {
  /** `[n, classes]` */
  logits: Float32Array;
}

function answersOf(pass: Pass): Answers {
  return { logits: pass.logits(), ...pass.softmax() };
}

/**
 * The sum over samples of KL(p || q), and its gradients by the logits of p and of q: with r = log p - log q they are
 * `p (r - KL)` and `q - p`.
 */
function divergence(
  first: Answers,
  second: Answers,
  classes: number,
): { sum: number; byFirst: Float32Array; bySecond: Float32Array } {
  const [p, q] = [first.probabilities, second.probabilities];
  const byFirst = new Float32Array(p.length);
  const ratios = new Float64Array(classes);
  let sum = 0;
  for (let i = 0; i < first.logSums.length; i++) {
    const from = i * classes;
    const shift = second.logSums[i] - first.logSums[i];
    let own = 0;
    for (let c = 0; c < classes; c++) {
      ratios[c] = first.logits[from + c] - second.logits[from + c] + shift;
      own += p[from + c] * ratios[c];
    }
    for (let c = 0; c < classes; c++) byFirst[from + c] = p[from + c] * (ratios[c] - own);
    sum += own;
  }
  return { sum, byFirst, bySecond: q.map((value, at) => value - p[at]) };
}
