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
import { adoptState, type BestEpoch, checkState, type EpochState, stateOf, type TrainState } from './state.js';

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

/** A training run on one network, which it changes in place. */
export class Training {
  readonly #optimizer: Optimizer;
  #step = 0;
  #epoch: EpochState = freshEpoch(0);
  #best: BestEpoch | null = null;
  /** Of the run alone: who asks the model between two steps does not change what the next one draws. */
  #passes: number;

  /**
   * Checks all that can be known before the first step.
   *
   * @param from where the run goes on; from the network as it is when left out.
   * @throws {ShapeError}, {ConfigError} or {DataError} for what would fail later; {MemoryError}.
   */
  constructor(
    private readonly network: Network,
    kernels: Kernels,
    private readonly train: Dataset,
    private readonly validation: Dataset | undefined,
    private readonly spec: FitSpec,
    from?: TrainState,
  ) {
    const last = train.length % spec.batchSize || spec.batchSize;
    network.checkTrainingBatch(last);
    // Both ends are known to be possible before any time is spent.
    if (spec.gamma) for (const epoch of [0, spec.epochs - 1]) network.checkGamma(annealed(spec.gamma, epoch));
    if (from) checkState(network, spec, train.length, from);
    this.#optimizer = new Optimizer(spec.optimizer, network, kernels);
    this.#passes = network.state.passes;
    if (from === undefined) return;
    adoptState(network, from);
    this.#passes = from.random.passes;
    this.#best = from.best;
    this.#optimizer.restore(from.optimizer);
    this.#step = from.step;
    this.#epoch = { ...from.epoch };
  }

  /** Where the run stands, between two steps. */
  state(): TrainState {
    const run = {
      optimizer: this.#optimizer.state(),
      options: this.spec,
      samples: this.train.length,
      step: this.#step,
      epoch: this.#epoch,
      best: this.#best,
    };
    return stateOf(this.network, run, this.#passes);
  }

  /** Validation has not been better than after the epoch that is just over. */
  get isBest(): boolean {
    return this.#best !== null && this.#best.epoch === this.#epoch.index - 1;
  }

  /**
   * Trains; yields after every batch and epoch. However it ends, the network is as after its last whole step, and
   * the optimizer's memory is given back.
   *
   * @throws {DivergedError} when the loss or a gradient is not finite; that step is not taken.
   */
  *run(): Generator<FitEvent, void, void> {
    try {
      while (this.#epoch.index < this.spec.epochs) yield* this.#runEpoch();
    } finally {
      this.#optimizer.dispose();
    }
  }

  *#runEpoch(): Generator<FitEvent, void, void> {
    const { network, train, spec } = this;
    const { index } = this.#epoch;
    if (spec.gamma) network.setGamma(annealed(spec.gamma, index));
    const order = new Random(spec.seed, STREAMS.order + index).permutation(train.length);
    const started = performance.now() - 1000 * this.#epoch.seconds;
    while (this.#epoch.position < train.length) {
      const event = this.#takeStep(order.subarray(this.#epoch.position, this.#epoch.position + spec.batchSize));
      this.#epoch.seconds = (performance.now() - started) / 1000;
      yield event;
    }
    const { lossSum, correct } = this.#epoch;
    const seconds = (performance.now() - started) / 1000;
    const event: EpochEvent = {
      type: 'epoch',
      epoch: index,
      loss: lossSum / train.length,
      accuracy: correct / train.length,
      seconds,
      imagesPerSecond: train.length / seconds,
    };
    const { validation } = this;
    if (validation) {
      const accuracy = this.#withOwnPasses(() => correctIn(network, validation)) / validation.length;
      event.validationAccuracy = accuracy;
      if (this.#best === null || accuracy > this.#best.accuracy) this.#best = { epoch: index, accuracy };
    }
    this.#epoch = freshEpoch(index + 1);
    yield event;
  }

  #takeStep(chosen: Uint32Array): BatchEvent {
    const { network, train, spec } = this;
    const { index: epoch } = this.#epoch;
    const perEpoch = Math.ceil(train.length / spec.batchSize);
    const labels = Int32Array.from(chosen, (i) => train.labels[i]);
    const where = `epoch ${epoch}, step ${this.#step}`;
    const x = train.tensor(chosen).data;
    const work = () => gradients(network, perturbed(network, spec, x, labels, this.#step), labels);
    const batch = this.#withOwnPasses(() => located(network, x, where, work));
    const lr = spec.optimizer.lr * learningRateFactor(spec.lr, this.#step / perEpoch, spec.epochs);
    this.#optimizer.step(lr);
    const step = ++this.#step;
    network.state.step = step;
    this.#epoch.position += labels.length;
    this.#epoch.lossSum += batch.loss * labels.length;
    this.#epoch.correct += batch.correct;
    const accuracy = batch.correct / labels.length;
    return { type: 'batch', epoch, step, steps: spec.epochs * perEpoch, loss: batch.loss, accuracy, lr };
  }

  /** What is random in eval mode, too, draws by a count of passes. */
  #withOwnPasses<T>(work: () => T): T {
    const { state } = this.network;
    const { passes } = state;
    state.passes = this.#passes;
    try {
      return work();
    } finally {
      this.#passes = state.passes;
      state.passes = Math.max(passes, state.passes);
    }
  }
}

function freshEpoch(index: number): EpochState {
  return { index, position: 0, lossSum: 0, correct: 0, seconds: 0 };
}

/** What `work` gives; when it diverges, the message says where, and in which layer when that shows on `x`. */
function located<T>(network: Network, x: Float32Array, where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
    const layer = firstNotFinite(network, x);
    const found = layer === undefined ? '' : `; '${layer}' is the first layer whose output is not finite`;
    throw new DivergedError(`fit: ${error.message} in ${where}${found}`, { cause: error.cause });
  }
}

function firstNotFinite(network: Network, x: Float32Array): string | undefined {
  try {
    return network.firstNotFinite(x);
  } catch (error) {
    // k-WTA has met NaN, and `error` is what is being reported already.
    if (error instanceof DivergedError) return undefined;
    throw error;
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
function gradients(network: Network, x: Float32Array, labels: Int32Array): BatchLoss {
  const restore = network.parameters.rememberStatistics();
  try {
    const batch = network.parameterGradients(x, labels, true);
    if (!Number.isFinite(batch.loss)) throw new DivergedError(`expected a finite loss, got ${batch.loss}`);
    network.parameters.checkGradients();
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
