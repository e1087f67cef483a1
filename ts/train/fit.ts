/**
 * The training loop: shuffles, steps, averages, validates, reports. All that it depends on is in its {@link TrainState}, so
 * that it can stop after any step and go on elsewhere.
 */
import { ConfigError } from '../base/errors.js';
import type { Dataset } from '../data/dataset.js';
import { defaultBatch, type Network } from '../graph/network.js';
import { countCorrect } from '../graph/predictions.js';
import type { Kernels } from '../kernels/kernels.js';
import { Average } from './average.js';
import type { StepBatch } from './batches.js';
import type { Gate } from './gate.js';
import { Optimizer } from './optimizers.js';
import { regimeOf, replaysOf, traitsOf } from './regimes/index.js';
import type { AttackedAccuracy } from './regimes/regime.js';
import { annealed } from './schedules/anneal.js';
import { learningRateFactor } from './schedules/learningRate.js';
import { HeldSource, type Supply, type TrainingSource } from './source.js';
import type { FitSpec } from './spec.js';
import { adoptState, type BestEpoch, checkState, type EpochState, stateOf, type TrainState } from './state.js';
import { estimatedStatistics } from './statistics.js';
import { located, stepGradients, stepRandom } from './step.js';
import { overfitted } from './warnings.js';

/**
 * After each step of the optimizer: one a batch, or as many as `regimes.free` has replays. Loss and accuracy are those of the
 * batch as trained on, adversarial or not; under `regimes.trades` the accuracy is that on the samples as they are.
 */
export interface BatchEvent {
  /** Tells it from an {@link EpochEvent}. */
  type: 'batch';
  /** From 0. */
  epoch: number;
  /** Optimizer steps done in the whole run, and in all. */
  step: number;
  /** Optimizer steps in all. */
  steps: number;
  /** Mean of the batch, before the step. */
  loss: number;
  /** Share of the batch that was right, before the step. */
  accuracy: number;
  /** Learning rate of the step. */
  lr: number;
}

/** After each epoch: means over its batches. */
export interface EpochEvent {
  /** Tells it from a {@link BatchEvent}. */
  type: 'epoch';
  /** From 0. */
  epoch: number;
  /** Mean over the epoch. */
  loss: number;
  /** Share of the training samples that were right, each when its batch came. */
  accuracy: number;
  /** Of the epoch. */
  seconds: number;
  /** Samples by the time of training. */
  imagesPerSecond: number;
  /** Accuracy on the validation set, when there is one. */
  validationAccuracy?: number;
  /**
   * Under `regimes.fast`: accuracy on the first training images, 256 or some more, attacked as in training (`own`) and by ten steps
   * of PGD (`pgd`).
   */
  attackedAccuracy?: AttackedAccuracy;
  /** What has gone wrong in this epoch; they are in `history.warnings`, too. */
  warnings?: string[];
}

/** So many samples are attacked after each epoch, where the regime has that done, or as many as fill batches. */
const watchedSamples = 256;

/** What a run tells while it goes on. */
export type FitEvent = BatchEvent | EpochEvent;

/** A training run on one network, which it changes in place. */
export class Training {
  readonly #optimizer: Optimizer;
  readonly #average: Average;
  readonly #source: TrainingSource;
  readonly #batches: Supply;
  /** Steps of the optimizer. */
  readonly #perEpoch: number;
  readonly #replays: number;
  #step = 0;
  #epoch: EpochState = freshEpoch(0);
  #best: BestEpoch | null = null;
  /** The batch that is being replayed, and its number. */
  #drawn: { number: number; batch: StepBatch } | undefined;
  /** What the regime keeps from step to step. */
  #kept: Float32Array | undefined;
  /** Of the run alone: who asks the model between two steps does not change what the next one draws. */
  #passes: number;

  /**
   * Checks all that can be known before the first step.
   *
   * @param train in memory, or batches that are waited for.
   * @param from where the run goes on; from the network as it is when left out.
   * @param ring where another worker puts batches.
   * @param gate holds the run between two steps.
   * @throws {ShapeError}, {ConfigError} or {DataError} for what would fail later; {MemoryError}.
   */
  constructor(
    private readonly network: Network,
    kernels: Kernels,
    train: Dataset | TrainingSource,
    private readonly validation: Dataset | undefined,
    private readonly spec: FitSpec,
    from?: TrainState,
    ring?: SharedArrayBuffer,
    private readonly gate?: Gate,
  ) {
    const source = 'images' in train ? new HeldSource(train, spec, ring) : train;
    this.#source = source;
    const last = train.length % spec.batchSize || spec.batchSize;
    network.checkTrainingBatch(last);
    const { classWeights, regime } = spec;
    if (traitsOf(regime).perturbs && network.classes < 2) {
      throw new ConfigError(`fit.regime: '${regime.type}' expects 2 classes or more, the model has ${network.classes}`);
    }
    if (classWeights !== undefined && classWeights.length !== network.classes) {
      throw new ConfigError(`fit.classWeights: expected ${network.classes} (the classes), got ${classWeights.length}`);
    }
    // Both ends are known to be possible before any time is spent.
    for (const epoch of [0, spec.epochs - 1]) if (spec.gamma) network.checkGamma(this.#gammaOf(epoch) as number);
    if (from) checkState(network, spec, source, from);
    this.#average = new Average(network.parameters, spec);
    this.#optimizer = new Optimizer(spec.optimizer, network, kernels);
    this.#passes = network.state.passes;
    this.#replays = replaysOf(regime);
    this.#perEpoch = Math.ceil(source.length / spec.batchSize) * this.#replays;
    this.#batches = source.steps(Math.floor((from?.step ?? 0) / this.#replays));
    if (from === undefined) return;
    adoptState(network, from);
    this.#passes = from.random.passes;
    this.#best = from.best;
    this.#kept = from.kept?.data;
    this.#optimizer.restore(from.optimizer);
    if (from.average !== null) this.#average.restore(from.average);
    this.#step = from.step;
    this.#epoch = { ...from.epoch };
  }

  /** Where the run stands, between two steps. */
  state(): TrainState {
    const run = {
      optimizer: this.#optimizer.state(),
      average: this.#average.state(),
      options: this.spec,
      samples: this.#source.length,
      data: this.#source.fingerprint,
      step: this.#step,
      epoch: this.#epoch,
      best: this.#best,
      kept: this.#kept && { shape: [this.spec.batchSize, ...this.network.spec.input], data: this.#kept },
    };
    return stateOf(this.network, run, this.#passes);
  }

  /** Validation has not been better than after the epoch that is just over. */
  get isBest(): boolean {
    return this.#best !== null && this.#best.epoch === this.#epoch.index - 1;
  }

  /**
   * Trains; yields after every batch and epoch, nothing now and then, and what must be waited for before it goes on. When it comes to its end, the network has the
   * averaged weights, if there are such; however else it ends, it is as after its last whole step. The optimizer's memory
   * is given back.
   *
   * @throws {DivergedError} when the loss or a gradient is not finite; that step is not taken.
   */
  *run(): Generator<FitEvent | Promise<void> | undefined, void, void> {
    try {
      while (!this.#isOver()) yield* this.#runEpoch();
      const { values } = this.#average;
      if (values !== undefined) this.network.parameters.view().set(values);
    } finally {
      this.#optimizer.dispose();
    }
  }

  #isOver(): boolean {
    const { index } = this.#epoch;
    const { epochs, earlyStop } = this.spec;
    const stopped = earlyStop && this.#best && index - 1 - this.#best.epoch >= earlyStop.patience;
    return index >= epochs || stopped === true;
  }

  *#runEpoch(): Generator<FitEvent | Promise<void> | undefined, void, void> {
    const { network } = this;
    const { index } = this.#epoch;
    const samples = this.#source.length * this.#replays;
    yield* this.#changeGamma();
    let started = performance.now() - 1000 * this.#epoch.seconds;
    while (this.#epoch.position < samples) {
      for (let held = this.gate?.pass(); held !== undefined; held = this.gate?.pass()) {
        const since = performance.now();
        yield held;
        started += performance.now() - since;
      }
      const number = Math.floor(this.#step / this.#replays);
      if (this.#drawn?.number !== number) {
        const waiting = this.#batches.ready(number);
        if (waiting !== undefined) yield waiting;
        this.#drawn = { number, batch: this.#batches.at(number) };
      }
      const event = this.#takeStep(this.#drawn.batch);
      this.#epoch.seconds = (performance.now() - started) / 1000;
      yield event;
    }
    const { lossSum, correct } = this.#epoch;
    const seconds = (performance.now() - started) / 1000;
    const event: EpochEvent = {
      type: 'epoch',
      epoch: index,
      loss: lossSum / samples,
      accuracy: correct / samples,
      seconds,
      imagesPerSecond: samples / seconds,
    };
    yield* this.#watch(event);
    yield* this.#averageEpoch();
    const { validation } = this;
    if (validation) {
      const first = validation.slice(0, Math.min(validation.length, defaultBatch)).tensor().data;
      const work = () =>
        located(network, first, { epoch: index, step: this.#step }, () => correctIn(network, validation));
      const correct = this.#withOwnPasses(() => this.#withAverage(work));
      const accuracy = correct / validation.length;
      event.validationAccuracy = accuracy;
      if (this.#best === null || accuracy > this.#best.accuracy) this.#best = { epoch: index, accuracy };
    }
    this.#epoch = freshEpoch(index + 1);
    yield event;
  }

  #gammaOf(epoch: number): number | undefined {
    return this.spec.gamma && annealed(this.spec.gamma, epoch, this.spec.epochs);
  }

  /** Gamma of the epoch that begins, and batch norm's statistics for it if they are wished. */
  *#changeGamma(): Generator<Promise<void> | undefined, void, void> {
    const { network, spec } = this;
    const { index, position } = this.#epoch;
    const gamma = this.#gammaOf(index);
    if (gamma === undefined) return;
    network.setGamma(gamma);
    // They do not depend on those before, so that doing it again after a stop changes nothing.
    if (!spec.estimateStatistics || position > 0 || (index > 0 && gamma === this.#gammaOf(index - 1))) return;
    const put = yield* estimatedStatistics(network, this.#source.inOrder(), (work) => this.#withOwnPasses(work));
    put(network.parameters.view());
  }

  /** The average after an epoch, with statistics of its own. */
  *#averageEpoch(): Generator<Promise<void> | undefined, void, void> {
    const { network } = this;
    const next = this.#average.afterEpoch(this.#epoch.index);
    if (next === undefined) return;
    const put = yield* estimatedStatistics(network, this.#source.inOrder(), (work) =>
      this.#withOwnPasses(() => this.#withValues(next.values, work)),
    );
    put(next.values);
    // Until here a state that is asked for is that before the average.
    this.#average.adopt(next);
  }

  /** Adds what the regime finds when it attacks the first training samples; nothing in the run depends on it. */
  *#watch(event: EpochEvent): Generator<Promise<void> | undefined, void, void> {
    const { network, spec } = this;
    const { regime, seed } = spec;
    if (!traitsOf(regime).watches) return;
    const supply = this.#source.inOrder();
    const most = Math.min(supply.count, Math.ceil(watchedSamples / spec.batchSize));
    const random = stepRandom(seed, this.#step, 1);
    const found: AttackedAccuracy[] = [];
    for (let at = 0; at < most; at++) {
      const waiting = supply.ready(at);
      if (waiting !== undefined) yield waiting;
      const { x, targets } = supply.at(at);
      const watched = { network, x, labels: targets.labels, random };
      const place = { epoch: event.epoch, step: this.#step };
      const passes = this.#passes;
      found.push(this.#withOwnPasses(() => located(network, x, place, () => regimeOf(regime).watch(regime, watched))));
      this.#passes = passes;
      yield undefined;
    }
    event.attackedAccuracy = meanOf(found);
    const warning = overfitted(event.attackedAccuracy, event.epoch);
    if (warning !== undefined) event.warnings = [warning];
  }

  #takeStep(drawn: StepBatch): BatchEvent {
    const { network, spec } = this;
    const perEpoch = this.#perEpoch;
    const { index: epoch } = this.#epoch;
    const batch = this.#withOwnPasses(() =>
      stepGradients(network, spec, drawn, { epoch, step: this.#step }, this.#kept),
    );
    const place = { step: this.#step, perEpoch, epochs: spec.epochs };
    const lr = spec.optimizer.lr * learningRateFactor(spec.lr, place);
    this.#optimizer.step(lr);
    this.#average.afterStep();
    this.#kept = batch.kept;
    const step = ++this.#step;
    network.state.step = step;
    const n = drawn.targets.labels.length;
    this.#epoch.position += n;
    this.#epoch.lossSum += batch.loss * n;
    this.#epoch.correct += batch.correct;
    const accuracy = batch.correct / n;
    return { type: 'batch', epoch, step, steps: spec.epochs * perEpoch, loss: batch.loss, accuracy, lr };
  }

  #withAverage<T>(work: () => T): T {
    const { values } = this.#average;
    return values === undefined ? work() : this.#withValues(values, work);
  }

  /** Does work with other values of all parameters in the network. */
  #withValues<T>(values: Float32Array, work: () => T): T {
    const { parameters } = this.network;
    const own = parameters.view().slice();
    parameters.view().set(values);
    try {
      return work();
    } finally {
      parameters.view().set(own);
    }
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

/** Of all samples of some batches. */
function meanOf(parts: readonly AttackedAccuracy[]): AttackedAccuracy {
  const samples = parts.reduce((sum, part) => sum + part.samples, 0);
  const share = (key: 'own' | 'pgd') => parts.reduce((sum, part) => sum + part[key] * part.samples, 0) / samples;
  return { own: share('own'), pgd: share('pgd'), samples };
}

function freshEpoch(index: number): EpochState {
  return { index, position: 0, lossSum: 0, correct: 0, seconds: 0 };
}

/** Samples of a dataset that the network gets right, in eval mode. */
export function correctIn(network: Network, data: Dataset): number {
  let correct = 0;
  for (const { x, labels } of data.batches(256))
    correct += countCorrect(network.logits(x.data), labels, network.classes);
  return correct;
}
