/** The training loop: shuffles, makes adversarial examples when asked, steps, reports. */

import { DivergedError } from '../base/errors.js';
import { Random, STREAMS } from '../base/random.js';
import type { Dataset } from '../data/dataset.js';
import type { BatchLoss, Network } from '../graph/network.js';
import { countCorrect } from '../graph/predictions.js';
import type { Kernels } from '../kernels/kernels.js';
import { Optimizer } from './optimizers.js';
import { regimeOf } from './regimes/index.js';
import { annealed } from './schedules/anneal.js';
import { learningRateFactor } from './schedules/learningRate.js';
import type { FitSpec } from './spec.js';

/** After each batch. Loss and accuracy are those of the batch as trained on, adversarial or not. */
export interface BatchEvent {
  type: 'batch';
  /** From 0. */
  epoch: number;
  /** Optimizer steps done in the whole run, and in all. */
  step: number;
  steps: number;
  loss: number;
  accuracy: number;
  lr: number;
}

/** After each epoch: means over its batches. */
export interface EpochEvent {
  type: 'epoch';
  epoch: number;
  loss: number;
  accuracy: number;
  seconds: number;
  imagesPerSecond: number;
  /** Accuracy on the validation set, when there is one. */
  validationAccuracy?: number;
}

export type FitEvent = BatchEvent | EpochEvent;

/**
 * Trains in place; yields after every batch and epoch. However it ends, the network is as after its last
 * whole step, and the optimizer's memory is given back.
 *
 * @throws {DivergedError} when the loss is not finite; that step is not taken.
 */
export function* fit(
  network: Network,
  kernels: Kernels,
  train: Dataset,
  validation: Dataset | undefined,
  spec: FitSpec,
): Generator<FitEvent, void, void> {
  const perEpoch = Math.ceil(train.length / spec.batchSize);
  const steps = spec.epochs * perEpoch;
  if (spec.gamma) {
    // Both ends are known to be possible before any time is spent.
    for (const epoch of [0, spec.epochs - 1]) network.checkGamma(annealed(spec.gamma, epoch));
  }
  const optimizer = new Optimizer(spec.optimizer, network, kernels);
  try {
    let step = 0;
    for (let epoch = 0; epoch < spec.epochs; epoch++) {
      if (spec.gamma) network.setGamma(annealed(spec.gamma, epoch));
      const started = performance.now();
      const order = new Random(spec.seed, STREAMS.order + epoch).permutation(train.length);
      let lossSum = 0;
      let correct = 0;
      for (let from = 0; from < train.length; from += spec.batchSize) {
        const chosen = order.subarray(from, from + spec.batchSize);
        const labels = Int32Array.from(chosen, (i) => train.labels[i]);
        const x = perturbed(network, spec, train.tensor(chosen).data, labels, step);
        const batch = gradients(network, x, labels, `epoch ${epoch}, step ${step}`);
        const lr = spec.optimizer.lr * learningRateFactor(spec.lr, step / perEpoch, spec.epochs);
        optimizer.step(lr);
        network.state.step = ++step;
        lossSum += batch.loss * labels.length;
        correct += batch.correct;
        const accuracy = batch.correct / labels.length;
        yield { type: 'batch', epoch, step, steps, loss: batch.loss, accuracy, lr };
      }
      const seconds = (performance.now() - started) / 1000;
      const event: EpochEvent = {
        type: 'epoch',
        epoch,
        loss: lossSum / train.length,
        accuracy: correct / train.length,
        seconds,
        imagesPerSecond: train.length / seconds,
      };
      if (validation) event.validationAccuracy = correctIn(network, validation) / validation.length;
      yield event;
    }
  } finally {
    optimizer.dispose();
  }
}

/** The batch to train on. */
function perturbed(network: Network, spec: FitSpec, x: Float32Array, labels: Int32Array, step: number): Float32Array {
  const { regime, seed } = spec;
  // One stream of 64 for each step; a batch is the unit of training, and its samples draw from it in turn.
  const random = new Random(seed, STREAMS.trainingAttack + step * 64);
  return regimeOf(regime).samples(regime, { network, x, labels, random });
}

/** Computes the gradients of a batch. When that fails, batch norm's running statistics are as before. */
function gradients(network: Network, x: Float32Array, labels: Int32Array, where: string): BatchLoss {
  const restore = network.parameters.rememberStatistics();
  try {
    const batch = network.parameterGradients(x, labels, true);
    if (!Number.isFinite(batch.loss)) {
      throw new DivergedError(`fit: expected a finite loss, got ${batch.loss} in ${where}`);
    }
    return batch;
  } catch (error) {
    restore();
    throw error;
  }
}

/** Samples of a dataset that the network gets right, in eval mode. */
export function correctIn(network: Network, data: Dataset): number {
  let correct = 0;
  for (const { x, labels } of data.batches(256))
    correct += countCorrect(network.logits(x.data), labels, network.classes);
  return correct;
}
