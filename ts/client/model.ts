/** A model in a runtime's engine, as users hold it. Tensors are `[n, C, H, W]`, pixels in [0, 1] by convention. */
import { platform } from '#platform';
import type { AttackSpec } from '../attacks/table.js';
import { checkChoice, checkInteger, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { object, optional, parse, unknown } from '../base/schema.js';
import { checkFinite, checkTensor, describe, type Tensor } from '../base/tensor.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import type { StreamedDataset } from '../data/stream.js';
import type { ModelInfo } from '../engine/protocol.js';
import {
  type Evaluable,
  type ReportedAttack,
  type ReportedAttackOptions,
  type ReportedModel,
  reportAttack,
  reportModel,
} from '../evaluate/evaluable.js';
import type { ModelSpec } from '../graph/graph.js';
import { type Loss, losses } from '../graph/losses.js';
import type { MemoryUse, NetworkOptions } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';
import { encodeModel } from '../io/checkpoint.js';
import { type AttackOptions, type AttackResult, runAttack, runReportedAttack } from './attack.js';
import type { Connection } from './connection.js';
import { type FitOptions, startFit } from './fit.js';
import type { FitRun } from './fitRun.js';
import { checkedLabels, checkInput } from './inputs.js';

/** The method that gives the connection to a model's engine. */
export const connected = Symbol.for('kwta.connected');

/** The method that makes a new model beside another. */
export const sibling = Symbol.for('kwta.sibling');

const saveSchema = object({ about: optional(unknown()) });

/** Builds a model with fresh parameters. @throws {ConfigError}, {ShapeError}, {MemoryError} */
export async function createModel(
  connection: Connection,
  spec: ModelSpec,
  seed: number,
  options: NetworkOptions,
  notes: readonly string[] = [],
): Promise<Model> {
  return new Model(connection, await connection.call('createModel', spec, seed, options), spec, notes);
}

/**
 * Made by `runtime.model`.
 *
 * `fit`, `attack` and `accuracy` are jobs: they hold their models (an attack by transfer its source, too) until they
 * end. Meanwhile `dispose`, `loadStateDict` and another `fit` on such a model are refused with a {@link ConfigError}
 * that says what is running. Whatever only reads is answered between two steps and changes nothing in the job: during
 * `fit` it sees the weights as they are then. A job that was aborted rejects at once; what needs its models waits for
 * the step that it is still in.
 */
export class Model implements Evaluable {
  /** Of this model alone, among those of all runtimes. */
  readonly id: string;
  /** Number of trainable values. */
  readonly parameters: number;
  /** How many logits it gives. */
  readonly classes: number;
  /** `[C, H, W]` of a sample. */
  readonly input: readonly [number, number, number];
  /** The description that the model was built from; a gamma that training has changed since is not in it. */
  readonly spec: ModelSpec;
  /** What was changed of the names in the file that it was loaded from, and what was passed over there. */
  readonly notes: readonly string[];
  readonly #connection: Connection;
  readonly #info: ModelInfo;
  #disposal: Promise<void> | undefined;

  constructor(connection: Connection, info: ModelInfo, spec: ModelSpec, notes: readonly string[]) {
    this.#connection = connection;
    this.#info = info;
    this.spec = spec;
    this.notes = notes;
    this.id = info.id;
    this.parameters = info.parameters;
    this.classes = info.classes;
    this.input = info.input;
  }

  /**
   * Trains in place, on images in memory or on a stream of them. The result is an async iterable of progress and a promise of the history.
   *
   * @throws {ConfigError}, {ShapeError} or {DataError} at the call when an argument is wrong.
   * @throws (later) {ConfigError} while another job runs on the model. {DivergedError} when a value is not a number,
   *   AbortError when `signal` is aborted: the model is then as after its last whole step. {WorkerLostError} when a
   *   worker dies.
   */
  fit(train: Dataset | StreamedDataset, options: FitOptions): FitRun {
    this.#checkAlive();
    return startFit(this.#connection, this.#info.id, train, options);
  }

  /** Logits `[n, classes]`, in eval mode. @throws {ShapeError}, {DataError} when a value is not finite. */
  async logits(x: Tensor): Promise<Tensor> {
    this.#checkInput(x);
    return this.#connection.call('logits', this.id, x);
  }

  /**
   * Class of the largest logit of each sample; the lowest among equals.
   *
   * @throws {DivergedError} when a logit is not a number: no class is the largest then.
   */
  async predict(x: Tensor): Promise<Int32Array> {
    const { data } = await this.logits(x);
    return argmax(data, this.classes);
  }

  /**
   * Share of samples classified as labelled, 0 to 1.
   *
   * @param options.onProgress hears the share of samples that are done, 0 to 1.
   * @throws {DivergedError} when a logit is not a number.
   */
  async accuracy(
    data: Dataset,
    options: { signal?: AbortSignal; onProgress?: (done: number) => unknown } = {},
  ): Promise<number> {
    this.#checkAlive();
    checkDataset('data', data);
    checkKeys('accuracy', options, ['signal', 'onProgress']);
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
    return this.#connection.call('inputGradient', this.id, x, checkedLabels(this.#info, labels, x), loss);
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
    return this.#connection.call('parameterGradients', this.id, x, checkedLabels(this.#info, labels, x));
  }

  /**
   * Winners of every k-WTA layer in eval mode, by layer and sample: indices in C, H, W order, ascending.
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

  /**
   * Takes parameters over; all of them are checked before any is changed. Denormal numbers (below 1.2e-38) become zero.
   *
   * @throws {ShapeError} naming one.
   */
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
    return runAttack(this.#connection, this.#info, attack, options);
  }

  /** A new model of the same runtime. @internal */
  [sibling](spec: ModelSpec, seed: number): Promise<Model> {
    this.#checkAlive();
    return createModel(this.#connection, spec, seed, { recompute: false });
  }

  /** What `analysis` asks, which is no method of models. @internal */
  [connected](): Connection {
    this.#checkAlive();
    return this.#connection;
  }

  /** What `evaluateRobustness` calls. @internal */
  async [reportAttack](attack: AttackSpec, options: ReportedAttackOptions): Promise<ReportedAttack[]> {
    this.#checkAlive();
    return runReportedAttack(this.#connection, this.#info, attack, options);
  }

  /** What `evaluateRobustness` says of the model. @internal */
  async [reportModel](id: string = this.id): Promise<ReportedModel> {
    this.#checkAlive();
    const { variant, threads } = this.#connection;
    return { ...(await this.#connection.call('snapshot', id)), variant, threads };
  }

  /**
   * Writes the model to a safetensors file, whole or not at all (Node only).
   *
   * @param options.about plain data that are kept in the file: how the model was trained, say. `kwta info` shows them.
   * @throws {ConfigError} when the file cannot be written; {DivergedError} naming a parameter that is not finite.
   */
  async save(path: string | URL, options: { about?: unknown } = {}): Promise<void> {
    this.#checkAlive();
    checkPath('save', path);
    const { about } = parse(saveSchema, options, 'save');
    const { spec, stateDict } = await this.#connection.call('snapshot', this.id);
    await platform.writeFile(path, encodeModel(spec, stateDict, { about }));
  }

  /**
   * Frees the model's memory; it cannot be used afterwards.
   *
   * @throws {ConfigError} while `fit`, `attack` or `accuracy` runs on it; the model can be used as before.
   */
  dispose(): Promise<void> {
    this.#disposal ??= this.#connection.call('disposeModel', this.id).catch((error: unknown) => {
      this.#disposal = undefined;
      throw error;
    });
    return this.#disposal;
  }

  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #checkAlive(): void {
    if (this.#disposal !== undefined) throw new ConfigError('model: used after dispose');
  }

  #checkInput(x: Tensor): void {
    this.#checkAlive();
    checkInput(this.#info, x);
  }
}
