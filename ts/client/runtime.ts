/** A runtime: one engine worker with its team of threads, the models in it, and single operations. */
import { platform } from '#platform';
import { checkChoice, checkInteger, checkKeys } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { boolean, object, optional, parse, seed as seedSchema } from '../base/schema.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import { decodeModel } from '../io/checkpoint.js';
import { chooseVariant, type Variant, variants } from '../kernels/variant.js';
import { maxThreads } from '../platform/platform.js';
import { Connection } from './connection.js';
import { createFunctional, type Functional } from './functional.js';
import { createModel, type Model } from './model.js';

/** Options of {@link createRuntime}. */
export interface RuntimeOptions {
  /** >= 1; as many as the machine runs at once by default. Without shared memory it is 1. */
  threads?: number;
  /** The same bits on every machine: no fused multiply-add. False by default. */
  deterministic?: boolean;
  /** A certain build of the kernels; the fastest that fits by default. */
  variant?: Variant;
}

/** How a model is run; its results do not depend on it. */
export interface RunOptions {
  /**
   * Training needs less memory and more time: outputs of convolutions behind k-WTA are computed again for the
   * backward pass instead of kept, to the same bits. False by default.
   */
  recompute?: boolean;
}

/** Options of `runtime.model`. */
export interface ModelOptions extends RunOptions {
  /** Of the parameters' first values and of dropout; 0 by default. */
  seed?: number;
}

const runOptionsSchema = object({ recompute: optional(boolean(), false) });
const modelOptionsSchema = object({ ...runOptionsSchema.entries, seed: seedSchema() });

/** What a runtime runs on. */
export interface RuntimeInfo {
  /** The build of the kernels. */
  variant: Variant;
  /** How many work together, the engine included. */
  threads: number;
  /** Wasm memory is shared between workers. */
  shared: boolean;
}

/** Workers with the kernels, a team of threads, and the models in them. Made by {@link createRuntime}. */
export class Runtime {
  /** What it runs on. */
  readonly info: Readonly<RuntimeInfo>;
  /** Single operations, without a model. */
  readonly functional: Functional;
  readonly #connection: Connection;
  #disposed = false;

  /** Use {@link createRuntime}. */
  constructor(connection: Connection, info: RuntimeInfo) {
    this.#connection = connection;
    this.info = Object.freeze(info);
    this.functional = createFunctional(() => this.#alive());
  }

  /**
   * Builds a model with fresh parameters.
   *
   * @param spec `nn.sequential([...], { input: [C, H, W] })` or one of `models`.
   * @throws {ConfigError}, {ShapeError} naming the layer; {MemoryError}.
   */
  async model(spec: ModelSpec, options: ModelOptions = {}): Promise<Model> {
    const connection = this.#alive();
    const parsed = parse(modelSchema, spec, 'model');
    const { seed, recompute } = parse(modelOptionsSchema, options, 'model');
    return createModel(connection, parsed, seed, { recompute });
  }

  /**
   * A model that `model.save` or a checkpoint wrote: a path or a URL in Node, a URL in a browser.
   *
   * @throws {DataError} when there is no such file, or it is not such a model.
   */
  async load(path: string | URL, options: RunOptions = {}): Promise<Model> {
    this.#alive();
    checkPath('load', path);
    const { recompute } = parse(runOptionsSchema, options, 'load');
    const bytes = await platform.readFile(path);
    if (bytes === undefined) throw new DataError(`load: there is no file ${path}`);
    const { spec, stateDict } = decodeModel(String(path), bytes);
    const model = await this.model(spec, { recompute });
    try {
      await model.loadStateDict(stateDict);
    } catch (error) {
      await model.dispose();
      throw error;
    }
    return model;
  }

  /** Ends the workers. Pending calls reject; models cannot be used afterwards. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await this.#connection.close(new ConfigError('runtime: used after dispose'));
  }

  /** The same as `dispose`, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #alive(): Connection {
    if (this.#disposed) throw new ConfigError('runtime: used after dispose');
    return this.#connection;
  }
}

let saidSingle = false;

/**
 * Starts a runtime: an engine in a worker, with a team of threads on shared memory where the platform has it.
 *
 * @throws {ConfigError} for wrong options, or an engine without WebAssembly SIMD.
 * @throws {WorkerLostError} when a worker does not start.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  checkKeys('createRuntime', options, ['threads', 'deterministic', 'variant']);
  const { threads = platform.concurrency(), deterministic = false, variant: wanted } = options;
  checkInteger('createRuntime.threads', threads, { min: 1, max: maxThreads });
  if (wanted !== undefined) checkChoice('createRuntime.variant', wanted, variants);
  if (wanted === 'simd' && (options.threads ?? 1) > 1) {
    throw new ConfigError(`createRuntime.threads: expected 1 for the variant 'simd', got ${threads}`);
  }
  if (deterministic && wanted === 'relaxed-threads') {
    throw new ConfigError(
      "createRuntime.variant: expected 'simd' or 'simd-threads' with deterministic, got 'relaxed-threads', whose last " +
        'bits depend on the machine',
    );
  }
  const variant = await chooseVariant({ deterministic, wanted });
  const shared = variant !== 'simd';
  const used = shared ? threads : 1;
  if (used < (options.threads ?? 1) && !saidSingle) {
    saidSingle = true;
    console.warn(`kwta: ${threads} threads need shared memory (COOP and COEP headers); running on one`);
  }
  const connection = await Connection.open(variant, used);
  return new Runtime(connection, { variant, threads: used, shared });
}
