/**
 * A model in wasm memory: parameters, and the plans that compute logits, losses and gradients. Training
 * and attacks ask only this. Samples come and go as `[n, C, H, W]`.
 */
import { ConfigError, MemoryError } from '../base/errors.js';
import { STREAMS } from '../base/random.js';
import { ruleOf, traitsOf } from '../ops/index.js';
import type { Surrogate } from '../ops/kwta.js';
import { checkBatch, featureSize, type Mode, type RunState } from '../ops/op.js';
import { Antithetic, type NoiseStream } from './antithetic.js';
import { Ascent } from './ascent.js';
import { Choices, winnersByLayer } from './choices.js';
import { withWhatFits } from './fitting.js';
import { buildGraph, classesOf, type Graph, type ModelSpec, withBackward, withGamma } from './graph.js';
import { type Loss, leastClasses } from './losses.js';
import { Parameters } from './parameters.js';
import { Pass } from './pass.js';
import { type Place, Plan, type Purpose } from './plan.js';
import { countCorrect } from './predictions.js';
import type { Workspace } from './workspace.js';

/** Samples in one run when the caller does not say: large enough for the kernels, small enough for caches. */
export const defaultBatch = 64;

/** Loss and gradient per sample. */
export interface InputGradient {
  losses: Float32Array;
  logits: Float32Array;
  gradient: Float32Array;
}

/** Loss and hits of a batch whose parameter gradients were computed. */
export interface BatchLoss {
  /** Mean over the batch. */
  loss: number;
  correct: number;
}

/** How a model is run, beside what its description says. */
export interface NetworkOptions {
  /** See `runtime.model`. */
  recompute: boolean;
}

/** See `model.memory`. */
export interface MemoryUse {
  /** Parameters and running statistics, held while the model lives. */
  parameters: number;
  /** Their gradients, held from the first training step on. */
  gradients: number;
  /** What a training step works on: activations and their gradients. */
  training: number;
  /** The same for an attack's step, which samples go through 64 at most at a time. */
  inputGradient: number;
  /** The same for logits. */
  inference: number;
}

/** What a pass is to be able to do after its forward half; nothing, in eval mode, when left out. */
export interface PassOptions {
  mode?: Mode;
  /** The gradient of the samples. */
  inputs?: boolean;
  /** The gradients of the parameters. */
  parameters?: boolean;
  /** The backward half may run again and again, for one cotangent after another; takes more memory. */
  retain?: boolean;
  /** Passes in different slots are alive at the same time; 0 by default. */
  slot?: 0 | 1;
  /** Batch norm moves its running statistics (in train mode). */
  updateRunning?: boolean;
}

const inference: Purpose = {
  mode: 'eval',
  inputGradient: false,
  parameterGradients: false,
  keepChoices: false,
  tangents: false,
  retain: false,
  recompute: false,
};
const attack: Purpose = { ...inference, inputGradient: true };
const patterns: Purpose = { ...inference, keepChoices: true };

export class Network {
  #spec: ModelSpec;
  #graph: Graph;
  readonly classes: number;
  readonly sampleSize: number;
  readonly parameters: Parameters;
  readonly state: RunState;
  readonly #plans = new Map<string, Plan>();
  /** Networks over the same parameters, by their surrogate. */
  readonly #twins = new Map<string, Network>();

  /**
   * @param original shares its parameters and its state, which stay its own.
   * @throws {ShapeError}, {ConfigError} or {MemoryError}
   */
  constructor(
    spec: ModelSpec,
    seed: number,
    private readonly workspace: Workspace,
    private readonly options: NetworkOptions,
    private readonly original?: Network,
  ) {
    this.#spec = spec;
    this.#graph = buildGraph(spec);
    this.classes = classesOf(this.graph);
    this.sampleSize = featureSize(this.graph.input);
    // What no sample fits into is refused before anybody makes one.
    const sample = 4 * this.sampleSize;
    workspace.kernels.free(workspace.kernels.allocate(sample, 'a sample'), sample);
    this.parameters = original?.parameters ?? new Parameters(workspace.kernels, this.graph);
    if (original === undefined) this.parameters.initialise(seed);
    this.state = original?.state ?? { seed, step: 0, passes: 0, updateRunning: false };
  }

  /**
   * Runs samples `[n, C, H, W]` forward, in one batch. The pass is alive until the next one in its slot.
   *
   * @throws {MemoryError} when it does not fit. {DivergedError} when k-WTA meets NaN.
   */
  forward(x: Float32Array, options: PassOptions = {}): Pass {
    const {
      mode = 'eval',
      inputs = false,
      parameters = false,
      retain = false,
      slot = 0,
      updateRunning = false,
    } = options;
    const recompute = mode === 'train' && parameters && this.options.recompute;
    const purpose = { ...inference, mode, inputGradient: inputs, parameterGradients: parameters, retain, recompute };
    return this.#forward(purpose, x, x.length / this.sampleSize, slot, updateRunning);
  }

  /** Logits `[n, classes]` in eval mode, in batches of {@link defaultBatch}. */
  logits(x: Float32Array): Float32Array {
    const result = new Float32Array((x.length / this.sampleSize) * this.classes);
    for (const { part, from } of this.batches(x)) result.set(this.forward(part).logits(), from * this.classes);
    return result;
  }

  /** Loss of each sample and its gradient w.r.t. the sample, in eval mode. @throws {ConfigError} for too few classes. */
  inputGradient(x: Float32Array, labels: ArrayLike<number>, loss: Loss): InputGradient {
    this.checkLoss(loss);
    const count = x.length / this.sampleSize;
    const result: InputGradient = {
      losses: new Float32Array(count),
      logits: new Float32Array(count * this.classes),
      gradient: new Float32Array(x.length),
    };
    for (const { part, from, n } of this.batches(x)) {
      const pass = this.forward(part, { inputs: true });
      result.logits.set(pass.logits(), from * this.classes);
      result.losses.set(pass.backward({ loss, labels: sliceOf(labels, from, n) }), from);
      result.gradient.set(pass.inputGradient(), from * this.sampleSize);
    }
    return result;
  }

  /**
   * Gradients of the mean cross entropy of a batch w.r.t. the parameters, left in
   * `parameters.byName.get(name).gradient`; batch norm uses the batch's statistics.
   *
   * @param updateRunning moves batch norm's running statistics and counts a step.
   */
  parameterGradients(x: Float32Array, labels: ArrayLike<number>, updateRunning: boolean): BatchLoss {
    const pass = this.forward(x, { mode: 'train', parameters: true, updateRunning });
    const correct = countCorrect(pass.logits(), labels, this.classes);
    const losses = pass.backward({ loss: 'crossEntropy', labels, scale: 1 / pass.n });
    return { loss: losses.reduce((total, value) => total + value, 0) / pass.n, correct };
  }

  /** @throws {ConfigError} when the model has too few classes for a loss. */
  checkLoss(loss: Loss): void {
    if (this.classes < leastClasses[loss]) {
      throw new ConfigError(
        `loss: '${loss}' expects at least ${leastClasses[loss]} classes, the model has ${this.classes}`,
      );
    }
  }

  /** The first layer that answers a training batch with a value that is not finite, if one does. @throws as {@link forward}. */
  firstNotFinite(x: Float32Array): string | undefined {
    const n = x.length / this.sampleSize;
    return this.#plan(this.#training, n, 0, this.workspace.slot(0)).firstNotFinite(x, n);
  }

  /** Runs samples that lie in wasm memory forward, in eval mode and one batch. */
  forwardAt(place: Place, n: number, { inputs = false }: { inputs?: boolean } = {}): Pass {
    return this.#forward(inputs ? attack : inference, place, n, 0, false);
  }

  /** Points that climb inside balls around `x` `[n, C, H, W]`. @throws {MemoryError} */
  ascent(x: Float32Array, points: Float32Array): Ascent {
    return new Ascent(this, this.workspace.kernels, x, points);
  }

  /** Normal values `first` to `first + length` of a stream. @throws {MemoryError} */
  noise({ seed, draw }: NoiseStream, first: number, length: number): Float32Array {
    const { kernels } = this.workspace;
    const bytes = 4 * length;
    const pointer = kernels.allocate(bytes, 'noise');
    kernels.exports.normal(seed, STREAMS.noise / 2 ** 32, draw, first, length, pointer);
    const values = kernels.f32(pointer, length).slice();
    kernels.free(pointer, bytes);
    return values;
  }

  /** Pairs of points on both sides of one. @throws {MemoryError} */
  antithetic(stream: NoiseStream, pairs: number): Antithetic {
    return new Antithetic(this, this.workspace.kernels, stream, pairs);
  }

  /** Winners of every k-WTA layer in eval mode: per layer and sample, C, H, W indices, ascending. */
  activationPattern(x: Float32Array): { layer: string; indices: Uint32Array[] }[] {
    const { kernels } = this.workspace;
    const result = new Map<string, Uint32Array[]>();
    for (const { part, n } of this.batches(x)) {
      for (const [layer, winners] of winnersByLayer(this.#forward(patterns, part, n, 0, false), kernels)) {
        result.set(layer, [...(result.get(layer) ?? []), ...winners]);
      }
    }
    return [...result].map(([layer, indices]) => ({ layer, indices }));
  }

  /**
   * Runs samples forward in eval mode and one batch, and keeps what their layers chose. It is there until the next pass.
   *
   * @param directions `[n, C, H, W]`: derivatives along these are computed, too.
   * @throws {ConfigError} naming a layer that is not affine between its choices, when it is given directions.
   */
  choices(x: Float32Array, directions?: Float32Array): Choices {
    const purpose = { ...patterns, tangents: directions !== undefined };
    const pass = this.#forward(purpose, x, x.length / this.sampleSize, 0, false, directions);
    return new Choices(pass, this.workspace.kernels);
  }

  /** The description, with the gamma that is in use. */
  get spec(): ModelSpec {
    return this.#spec;
  }

  get graph(): Graph {
    return this.#graph;
  }

  /** `spec` describes this model, with whatever gamma. */
  isOfModel(spec: ModelSpec): boolean {
    const bare = (model: ModelSpec) => JSON.stringify(withGamma(model, 1));
    return bare(spec) === bare(this.#spec);
  }

  /** Takes over a description of this model, which may differ in gamma alone. @throws {ConfigError}, {ShapeError} */
  describe(spec: ModelSpec): void {
    this.#graph = buildGraph(spec);
    this.#spec = spec;
    this.#dropPlans();
  }

  /**
   * This network, these very parameters, with another backward in its k-WTA layers; nothing when it has none. It is
   * there until this one changes or is disposed. Its logits are the same but for rounding: what is behind k-WTA takes
   * its whole output there.
   */
  withBackward(surrogate: Surrogate): Network | undefined {
    if (!this.#graph.nodes.some(({ spec }) => traitsOf(spec).selects)) return undefined;
    const key = JSON.stringify(surrogate);
    const known = this.#twins.get(key);
    if (known !== undefined) return known;
    const twin = new Network(withBackward(this.#spec, surrogate), this.state.seed, this.workspace, this.options, this);
    this.#twins.set(key, twin);
    return twin;
  }

  /** How far each of batch norm's statistics moves towards a batch's, by name. */
  statisticsMomenta(): Map<string, number> {
    const result = new Map<string, number>();
    for (const { spec, name, output } of this.#graph.nodes) {
      if (!traitsOf(spec).batchStatistics || !('momentum' in spec)) continue;
      const statistics = ruleOf(spec)
        .parameters(spec, output)
        .filter(({ trainable }) => !trainable);
      for (const statistic of statistics) result.set(`${name}.${statistic.name}`, spec.momentum);
    }
    return result;
  }

  /** @throws {ShapeError} naming the layer that cannot train on a batch of `n`. */
  checkTrainingBatch(n: number): void {
    for (const { spec, name, output } of this.#graph.nodes) {
      if (traitsOf(spec).batchStatistics) checkBatch(name, spec.type, output, n);
    }
  }

  /** Changes gamma of every k-WTA layer that has one. @throws {ConfigError} when a layer would keep no value. */
  setGamma(gamma: number): void {
    this.describe(withGamma(this.#spec, gamma));
  }

  /** @throws {ConfigError} naming the layer when {@link setGamma} would. */
  checkGamma(gamma: number): void {
    buildGraph(withGamma(this.#spec, gamma));
  }

  /** Bytes for batches of `batch` samples. Plans, and runs nothing. */
  memory(batch: number): MemoryUse {
    const { bytes } = this.parameters;
    const part = Math.min(batch, defaultBatch);
    return {
      parameters: bytes,
      gradients: bytes,
      training: this.#bytes(this.#training, batch),
      inputGradient: this.#bytes(attack, part),
      inference: this.#bytes(inference, part),
    };
  }

  dispose(): void {
    this.#dropPlans();
    if (this.original === undefined) this.parameters.dispose();
  }

  get #training(): Purpose {
    return { ...inference, mode: 'train', parameterGradients: true, recompute: this.options.recompute };
  }

  #bytes(purpose: Purpose, batch: number): number {
    const plan = this.#build(purpose, batch, this.workspace);
    plan.dispose();
    return plan.bytes;
  }

  #dropPlans(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
    for (const twin of this.#twins.values()) twin.dispose();
    this.#twins.clear();
  }

  /** Samples in batches of {@link defaultBatch}, and the number of the first in each. */
  *batches(x: Float32Array): Generator<{ part: Float32Array; from: number; n: number }> {
    const count = x.length / this.sampleSize;
    for (let from = 0; from < count; from += defaultBatch) {
      const n = Math.min(defaultBatch, count - from);
      yield { part: x.subarray(from * this.sampleSize, (from + n) * this.sampleSize), from, n };
    }
  }

  #forward(
    purpose: Purpose,
    x: Float32Array | Place,
    n: number,
    slot: 0 | 1,
    updateRunning: boolean,
    directions?: Float32Array,
  ): Pass {
    if (purpose.parameterGradients) this.parameters.needGradients();
    const workspace = this.workspace.slot(slot);
    const plan = this.#plan(purpose, n, slot, workspace);
    this.state.updateRunning = updateRunning;
    this.state.passes++;
    try {
      return new Pass(this, plan, n, workspace, plan.forward(x, n, directions));
    } finally {
      this.state.updateRunning = false;
    }
  }

  #plan(purpose: Purpose, n: number, slot: 0 | 1, workspace: Workspace): Plan {
    const key = JSON.stringify([purpose, slot]);
    const known = this.#plans.get(key);
    if (known !== undefined && known.batch >= n) return known;
    known?.dispose();
    this.#plans.delete(key);
    const plan = this.#build(purpose, n, workspace);
    try {
      plan.place();
    } catch (error) {
      plan.dispose();
      if (!(error instanceof MemoryError)) throw error;
      const other = withWhatFits(error, n, (fewer) => this.#build(purpose, fewer, workspace));
      workspace.release();
      throw other;
    }
    this.#plans.set(key, plan);
    return plan;
  }

  #build(purpose: Purpose, n: number, workspace: Workspace): Plan {
    return new Plan(this.graph, purpose, n, this.parameters.byName, this.state, workspace);
  }
}

function sliceOf(labels: ArrayLike<number>, from: number, n: number): number[] {
  return Array.prototype.slice.call(labels, from, from + n);
}
