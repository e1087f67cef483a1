/** A runtime: one engine worker with its team of threads, the models in it, and single operations. */
import { ConfigError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { boolean, object, optional, parse, seed as seedSchema } from '../base/schema.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import type { Variant } from '../kernels/variant.js';
import type { Connection } from './connection.js';
import { createFunctional, type Functional } from './functional.js';
import { createModel, type Model } from './model.js';

/** Options of `createRuntime`. */
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

/** Options of `runtime.load`. */
export interface LoadOptions extends RunOptions {
  /** The model whose weights are in the file; kwta's own files describe it themselves. */
  spec?: ModelSpec;
}

const runOptionsSchema = object({ recompute: optional(boolean(), false) });
const loadOptionsSchema = object({ ...runOptionsSchema.entries, spec: optional(modelSchema) });
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

  /** Use `createRuntime`. */
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
   * A model from a file: a path or a URL in Node, a URL in a browser.
   *
   * Without `spec` a file that `model.save` or a checkpoint wrote. With it the weights of any file: `.pth` and `.pt` of PyTorch
   * (state dicts, by themselves or in a checkpoint, in both forms), `.safetensors`, also the index of several, and `.npz`, read
   * without running anything in them. Names are PyTorch's; what wrappers put before all of them is taken off, and `model.notes`
   * says so.
   *
   * @throws {DataError} when there is no such file, or it is damaged or of another kind.
   * @throws {ShapeError} naming all weights that are missing, left over or of another shape.
   * @throws {ConfigError} when a zip archive is read without the package that does it.
   */
  async load(path: string | URL, options: LoadOptions = {}): Promise<Model> {
    this.#alive();
    checkPath('load', path);
    const { recompute, spec: given } = parse(loadOptionsSchema, options, 'load');
    // Whoever trains needs no reader of files.
    const { readModel } = await import('../io/models.js');
    const { spec, stateDict, notes } = await readModel('load', path, given);
    const model = await createModel(this.#alive(), spec, 0, { recompute }, notes);
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
