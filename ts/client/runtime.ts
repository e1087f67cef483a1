/** A runtime: one engine worker with its team of threads, the models in it, and single operations. */
import { platform } from '#platform';
import { ConfigError, DataError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { boolean, object, optional, parse, seed as seedSchema } from '../base/schema.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import { decodeModel } from '../io/checkpoint.js';
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

const runOptionsSchema = object({ recompute: optional(boolean(), false) });
const modelOptionsSchema = object({ ...runOptionsSchema.entries, seed: seedSchema() });

/** What a runtime runs on. */
export interface RuntimeInfo {
  variant: Variant;
  threads: number;
  /** Wasm memory is shared between workers. */
  shared: boolean;
}

export class Runtime {
  readonly info: Readonly<RuntimeInfo>;
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

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #alive(): Connection {
    if (this.#disposed) throw new ConfigError('runtime: used after dispose');
    return this.#connection;
  }
}
