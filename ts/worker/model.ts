/** A model in a runtime's engine, as users hold it. Tensors are `[n, C, H, W]`, pixels in [0, 1] by convention. */
import { platform } from '#platform';
import { type AttackSpec, checkAttack } from '../attacks/attack.js';
import { checkChoice, checkInteger, checkKeys, checkNumber, checkType } from '../check.js';
import { Dataset } from '../data/dataset.js';
import { ConfigError, DataError, ShapeError } from '../errors.js';
import type { ModelSpec } from '../graph/graph.js';
import { type Loss, losses, type MemoryUse } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';
import { encodeModel } from '../io/checkpoint.js';
import { checkFinite, checkTensor, describe, type Tensor } from '../tensor.js';
import type { FitSpec } from '../train/fit.js';
import type { OptimizerSpec } from '../train/optimizers.js';
import { natural, type RegimeSpec } from '../train/regimes.js';
import type { AnnealSchedule, LearningRateSchedule } from '../train/schedules.js';
import type { Connection } from './connection.js';
import { FitRun } from './fitRun.js';
import type { AttackProgress, FitProgress, ModelInfo } from './protocol.js';

/** Options of {@link Model.fit}. */
export interface FitOptions {
  /** Passes over the data, >= 1. */
  epochs: number;
  /** Samples of a step, >= 1; 64 by default. */
  batchSize?: number;
  optimizer: OptimizerSpec;
  /** Factor on the optimizer's learning rate; constant by default. */
  lr?: LearningRateSchedule;
  /** Changes gamma of the k-WTA layers from epoch to epoch. */
  gamma?: AnnealSchedule;
  /** `regimes.natural()` by default. */
  regime?: RegimeSpec;
  /** Held-out data whose accuracy is reported after every epoch. */
  validation?: Dataset;
  /** Of the order of samples and of adversarial starts; 0 by default. */
  seed?: number;
  /** Writes the model to `path` after every `everyEpochs` epochs (1 by default), whole or not at all. */
  checkpoint?: { path: string; everyEpochs?: number };
  signal?: AbortSignal;
}

/** Samples to attack, and where. */
export interface AttackOptions {
  /** `[n, C, H, W]`, every pixel in [0, 1]. */
  x: Tensor;
  /** True classes. */
  labels: ArrayLike<number>;
  /** Radii in pixel units, each >= 0. */
  epsilons: number[];
  /** 0 by default. */
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: AttackProgress) => void;
}

/** What an attack found; the first index is the epsilon's. */
export interface AttackResult {
  epsilons: number[];
  /** As the attack left them. */
  raw: Tensor[];
  /** Brought into the ball and the box: these were graded. */
  clipped: Tensor[];
  /** The model really gives another class than the label's. */
  success: boolean[][];
  predictions: Int32Array[];
  /** From the original, in the attack's norm. */
  distances: Float32Array[];
  /** Over all epsilons; samples evaluated, not calls. */
  queries: { forward: number; backward: number };
  /** By epsilon. */
  queriesByEpsilon: { forward: number; backward: number }[];
  seconds: number[];
  warnings: string[][];
}

const fitKeys = [
  'epochs',
  'batchSize',
  'optimizer',
  'lr',
  'gamma',
  'regime',
  'validation',
  'seed',
  'checkpoint',
  'signal',
];

/** Made by `runtime.model`. */
export class Model {
  /** Of this model in its runtime. */
  readonly id: number;
  /** Number of trainable values. */
  readonly parameters: number;
  readonly classes: number;
  /** `[C, H, W]` of a sample. */
  readonly input: readonly [number, number, number];
  /** The description that the model was built from; a gamma that training has changed since is not in it. */
  readonly spec: ModelSpec;
  readonly #connection: Connection;
  #disposed = false;

  constructor(connection: Connection, info: ModelInfo, spec: ModelSpec) {
    this.#connection = connection;
    this.spec = spec;
    this.id = info.id;
    this.parameters = info.parameters;
    this.classes = info.classes;
    this.input = info.input;
  }

  /**
   * Trains in place. The result is an async iterable of progress and a promise of the history.
   *
   * @throws {ConfigError}, {ShapeError} or {DataError} at the call when an argument is wrong.
   * @throws (later) {DivergedError} when a value is not a number, AbortError when `signal` is aborted: the
   *   model is then as after its last whole step. {WorkerLostError} when a worker dies.
   */
  fit(train: Dataset, options: FitOptions): FitRun {
    this.#checkAlive();
    if (typeof options !== 'object' || options === null) {
      throw new ConfigError(`fit: expected options { epochs, optimizer, ... }, got ${describe(options)}`);
    }
    checkKeys('fit', options, fitKeys);
    const { epochs, batchSize = 64, optimizer, lr, gamma, regime = natural(), validation, seed = 0, signal } = options;
    const { path = undefined, everyEpochs = 1 } = options.checkpoint ?? {};
    checkDataset('train', train);
    if (validation !== undefined) checkDataset('validation', validation);
    checkInteger('fit.epochs', epochs, { min: 1 });
    checkInteger('fit.batchSize', batchSize, { min: 1 });
    checkType('fit.optimizer', optimizer, ['sgd', 'adam', 'adamw'], 'optim.sgd(...), adam or adamw');
    checkType('fit.regime', regime, ['natural', 'adversarial'], 'regimes.natural() or adversarial(...)');
    if (lr !== undefined)
      checkType('fit.lr', lr, ['step', 'multiStep', 'cosine'], 'schedules.step(...), multiStep or cosine');
    if (gamma !== undefined) checkType('fit.gamma', gamma, ['anneal'], 'schedules.anneal(...)');
    checkInteger('fit.seed', seed, { min: 0 });
    const spec: FitSpec = { epochs, batchSize: Math.min(batchSize, train.length), optimizer, lr, gamma, regime, seed };
    if (options.checkpoint !== undefined) {
      checkKeys('fit.checkpoint', options.checkpoint, ['path', 'everyEpochs']);
      if (typeof path !== 'string')
        throw new ConfigError(`fit.checkpoint.path: expected a string, got ${describe(path)}`);
      checkInteger('fit.checkpoint.everyEpochs', everyEpochs, { min: 1 });
    }
    const connection = this.#connection;
    const every = path === undefined ? 0 : everyEpochs;
    return new FitRun(async (report) => {
      let written = Promise.resolve();
      const onProgress = ({ event, snapshot }: FitProgress): void => {
        report(event);
        if (path === undefined || snapshot === undefined) return;
        const { spec, stateDict } = snapshot;
        written = written.then(() => platform.writeFile(path, encodeModel(spec, stateDict)));
        // Awaited below; until then a failure must not count as unhandled.
        written.catch(() => {});
      };
      const events = await connection.job('fit', [this.id, train.toPlain(), validation?.toPlain(), spec, every], {
        signal,
        onProgress,
      });
      await written;
      return events;
    });
  }

  /** Logits `[n, classes]`, in eval mode. @throws {ShapeError}, {DataError} when a value is not finite. */
  async logits(x: Tensor): Promise<Tensor> {
    this.#checkInput(x);
    return this.#connection.call('logits', this.id, x);
  }

  /** Class of the largest logit of each sample; the lowest among equals. */
  async predict(x: Tensor): Promise<Int32Array> {
    const { data } = await this.logits(x);
    return argmax(data, this.classes);
  }

  /** Share of samples classified as labelled, 0 to 1. */
  async accuracy(
    data: Dataset,
    options: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
  ): Promise<number> {
    this.#checkAlive();
    checkDataset('data', data);
    const { correct, total } = await this.#connection.job('accuracy', [this.id, data.toPlain()], options);
    return correct / total;
  }

  /**
   * Loss of each sample and its gradient w.r.t. that sample, in eval mode. k-WTA's gradient is the mask that
   * forward chose, unless the layer says otherwise.
   *
   * @param options.loss `'crossEntropy'` by default, `'margin'` or `'dlr'` (three classes or more); each grows
   *   as the sample gets more wrong.
   */
  async inputGradient(
    x: Tensor,
    labels: ArrayLike<number>,
    options: { loss?: Loss } = {},
  ): Promise<{ loss: Float32Array; gradient: Tensor }> {
    this.#checkInput(x);
    const { loss = 'crossEntropy' } = options;
    checkChoice('loss', loss, losses);
    return this.#connection.call('inputGradient', this.id, x, this.#checkedLabels(labels, x), loss);
  }

  /**
   * Mean cross entropy of the batch and its gradients by state-dict name; batch norm uses the batch's
   * statistics and leaves its running ones alone.
   */
  async parameterGradients(
    x: Tensor,
    labels: ArrayLike<number>,
  ): Promise<{ loss: number; gradients: Record<string, Tensor> }> {
    this.#checkInput(x);
    return this.#connection.call('parameterGradients', this.id, x, this.#checkedLabels(labels, x));
  }

  /**
   * Winners of every k-WTA layer in eval mode, by layer and sample: indices in C, H, W order, ascending.
   * Layers with a surrogate gradient are left out.
   */
  async activationPattern(x: Tensor): Promise<{ layer: string; indices: Uint32Array[] }[]> {
    this.#checkInput(x);
    return this.#connection.call('activationPattern', this.id, x);
  }

  /**
   * Bytes of WebAssembly memory that the model needs. `training`, `inputGradient` and `inference` do not add up:
   * all models of a runtime work in one region in turn, as large as the largest of those that ran. While `fit`
   * runs, an optimizer holds as much as the gradients, Adam twice as much.
   *
   * @param options.batch samples of a training step; 64 by default, as in `fit`.
   */
  async memory(options: { batch?: number } = {}): Promise<MemoryUse> {
    this.#checkAlive();
    checkKeys('memory', options, ['batch']);
    const { batch = 64 } = options;
    checkInteger('memory.batch', batch, { min: 1 });
    return this.#connection.call('memory', this.id, batch);
  }

  /** Copies of all parameters and running statistics, in PyTorch's names, shapes and order. */
  async stateDict(): Promise<Record<string, Tensor>> {
    this.#checkAlive();
    return this.#connection.call('stateDict', this.id);
  }

  /** Takes parameters over; all of them are checked before any is changed. @throws {ShapeError} naming one. */
  async loadStateDict(values: Record<string, Tensor>): Promise<void> {
    this.#checkAlive();
    if (typeof values !== 'object' || values === null) {
      throw new ConfigError(`loadStateDict: expected tensors by name, got ${describe(values)}`);
    }
    for (const [name, value] of Object.entries(values)) {
      checkTensor(`stateDict['${name}']`, value);
      checkFinite(`stateDict['${name}']`, value);
    }
    return this.#connection.call('loadStateDict', this.id, values);
  }

  /**
   * Attacks samples. The result is graded here, whatever the attack believes: candidates are clipped to the
   * ball and to [0, 1], and the model is asked again. Samples that are misclassified as they are count as
   * successes and stay as they are.
   *
   * @throws {ConfigError}, {ShapeError}, {DataError} for wrong arguments; AbortError.
   */
  async attack(attack: AttackSpec, options: AttackOptions): Promise<AttackResult> {
    this.#checkAlive();
    checkAttack('attack', attack);
    checkKeys('attack', options, ['x', 'labels', 'epsilons', 'seed', 'signal', 'onProgress']);
    const { x, labels, epsilons, seed = 0, signal, onProgress } = options;
    this.#checkInput(x);
    checkPixels(x);
    if (!Array.isArray(epsilons) || epsilons.length === 0) {
      throw new ConfigError(`attack.epsilons: expected a list of radii, got ${describe(epsilons)}`);
    }
    for (const epsilon of epsilons) checkNumber('attack.epsilons', epsilon, { min: 0 });
    checkInteger('attack.seed', seed, { min: 0 });
    const samples = { x, labels: this.#checkedLabels(labels, x), epsilons, seed };
    const results = await this.#connection.job('attack', [this.id, attack, samples], { signal, onProgress });
    const asTensor = (data: Float32Array): Tensor => ({ shape: [...x.shape], data });
    const total = (kind: 'forward' | 'backward') => results.reduce((sum, result) => sum + result.queries[kind], 0);
    return {
      epsilons,
      raw: results.map((result) => asTensor(result.raw)),
      clipped: results.map((result) => asTensor(result.clipped)),
      success: results.map((result) => result.success),
      predictions: results.map((result) => result.predictions),
      distances: results.map((result) => result.distances),
      queries: { forward: total('forward'), backward: total('backward') },
      queriesByEpsilon: results.map((result) => result.queries),
      seconds: results.map((result) => result.seconds),
      warnings: results.map((result) => result.warnings),
    };
  }

  /** Writes the model to a safetensors file, whole or not at all (Node only). */
  async save(path: string): Promise<void> {
    this.#checkAlive();
    const { spec, stateDict } = await this.#connection.call('snapshot', this.id);
    await platform.writeFile(path, encodeModel(spec, stateDict));
  }

  /** Frees the model's memory; it cannot be used afterwards. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#connection.call('disposeModel', this.id);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #checkAlive(): void {
    if (this.#disposed) throw new ConfigError('model: used after dispose');
  }

  #checkInput(x: Tensor): void {
    this.#checkAlive();
    checkTensor('x', x, 4);
    const expected = ['n', ...this.input];
    if (x.shape[0] < 1 || this.input.some((extent, i) => x.shape[i + 1] !== extent)) {
      throw new ShapeError(`x: expected shape [${expected.join(', ')}] with n >= 1, got [${x.shape.join(', ')}]`);
    }
    checkFinite('x', x);
  }

  #checkedLabels(labels: ArrayLike<number>, x: Tensor): Int32Array {
    if (typeof labels?.length !== 'number' || labels.length !== x.shape[0]) {
      throw new ShapeError(
        `labels: expected ${x.shape[0]}, one for each sample, got ${labels?.length ?? describe(labels)}`,
      );
    }
    for (let i = 0; i < labels.length; i++) {
      if (!Number.isInteger(labels[i]) || labels[i] < 0 || labels[i] >= this.classes) {
        throw new DataError(
          `labels: expected whole numbers from 0 to ${this.classes - 1}, got ${labels[i]} at index ${i}`,
        );
      }
    }
    return Int32Array.from(labels);
  }
}

function checkDataset(argument: string, data: unknown): asserts data is Dataset {
  if (!(data instanceof Dataset)) {
    throw new ConfigError(`${argument}: expected a dataset made by datasets.*, got ${describe(data)}`);
  }
}

function checkPixels(x: Tensor): void {
  for (let i = 0; i < x.data.length; i++) {
    if (x.data[i] < 0 || x.data[i] > 1) {
      throw new DataError(`attack.x: expected pixels from 0 to 1, got ${x.data[i]} at index ${i}`);
    }
  }
}
