/**
 * The loss that a network is trained on: cross entropy, of targets that may be smoothed, mixed and weighted by class.
 *
 * With the target `t` of a sample, smoothing `s`, weights `w` and `C` classes, `q_c = w_c ((1 - s) t_c + s / C)`; the loss of
 * the sample is `-sum_c q_c log p_c`, that of a batch the sum over its samples divided by the sum of `w_c t_c`. For one class
 * a sample that is `torch.nn.functional.cross_entropy`.
 */
import type { BatchLoss, Network } from '../graph/network.js';
import type { Pass, Softmax } from '../graph/pass.js';
import { countCorrect } from '../graph/predictions.js';

/** What differs from the mean cross entropy. */
export interface LossOptions {
  labelSmoothing?: number;
  classWeights?: readonly number[];
}

/** What a batch is to be taken for. */
export interface Targets {
  /** One class a sample. */
  labels: Int32Array;
  /** A second class for each sample, and the first one's share of the target. */
  mixed?: { labels: Int32Array; shares: Float64Array };
}

/** Gradients of the parameters for a batch in train mode; batch norm's running statistics move. */
export function lossGradients(network: Network, x: Float32Array, targets: Targets, options: LossOptions): BatchLoss {
  const { labelSmoothing = 0, classWeights } = options;
  if (labelSmoothing === 0 && classWeights === undefined && targets.mixed === undefined) {
    return network.parameterGradients(x, targets.labels, true);
  }
  return softGradients(network, x, targets, options, false).batch;
}

/** The same of any targets and options; with `inputs` the gradient of the samples can be had from the pass. */
export function softGradients(
  network: Network,
  x: Float32Array,
  targets: Targets,
  options: LossOptions,
  inputs: boolean,
): { batch: BatchLoss; pass: Pass } {
  const pass = network.forward(x, { mode: 'train', inputs, parameters: true, updateRunning: true });
  const { loss, correct, cotangent } = lossOf(pass, targets, options, network.classes);
  pass.backward(cotangent);
  return { batch: { loss, correct }, pass };
}

/** The loss of a pass that has gone forward, and its gradient by the logits. */
export function lossOf(
  pass: Pass,
  targets: Targets,
  options: LossOptions,
  classes: number,
): BatchLoss & { cotangent: Float32Array } {
  const logits = pass.logits();
  const correct = countCorrect(logits, strongest(targets), classes);
  return { ...softLoss({ logits, ...pass.softmax(), classes }, targets, options), correct };
}

/** Of each sample the class that makes up most of its target. */
function strongest({ labels, mixed }: Targets): Int32Array {
  if (mixed === undefined) return labels;
  return labels.map((label, i) => (mixed.shares[i] < 0.5 ? mixed.labels[i] : label));
}

interface Answers extends Softmax {
  /** `[n, classes]` */
  logits: Float32Array;
  classes: number;
}

function softLoss(
  { logits, probabilities, logSums, classes }: Answers,
  { labels, mixed }: Targets,
  { labelSmoothing = 0, classWeights }: LossOptions,
): { loss: number; cotangent: Float32Array } {
  const weightOf = (c: number): number => classWeights?.[c] ?? 1;
  const even = Array.from({ length: classes }, (_, c) => (weightOf(c) * labelSmoothing) / classes);
  const rest = 1 - labelSmoothing;
  let total = 0;
  let weight = 0;
  const gradient = new Float64Array(logits.length);
  for (const [i, label] of labels.entries()) {
    const q = Float64Array.from(even);
    const share = mixed?.shares[i] ?? 1;
    q[label] += weightOf(label) * rest * share;
    weight += weightOf(label) * share;
    if (mixed !== undefined) {
      const other = mixed.labels[i];
      q[other] += weightOf(other) * rest * (1 - share);
      weight += weightOf(other) * (1 - share);
    }
    const mass = q.reduce((sum, value) => sum + value, 0);
    total += mass * logSums[i];
    for (let c = 0, at = i * classes; c < classes; c++, at++) {
      total -= q[c] * logits[at];
      gradient[at] = mass * probabilities[at] - q[c];
    }
  }
  return { loss: total / weight, cotangent: Float32Array.from(gradient, (value) => value / weight) };
}
