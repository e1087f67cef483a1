/**
 * A model in wasm memory: parameters, and the plans that compute logits, losses and gradients. Training
 * and attacks ask only this. Samples come and go as `[n, C, H, W]`.
 */
import { ConfigError } from '../base/errors.js';
import { featureSize, type RunState, sparseArguments } from '../ops/op.js';
import { buildGraph, classesOf, type Graph, type ModelSpec, withGamma } from './graph.js';
import { Parameters } from './parameters.js';
import { Plan, type Purpose } from './plan.js';
import { countCorrect } from './predictions.js';
import type { Workspace } from './workspace.js';

/**
 * Losses by sample; all grow as a sample gets more wrong. `crossEntropy`: -log softmax(z)_y. `margin`:
 * max_{j != y} z_j - z_y. `dlr`: -(z_y - max_{j != y} z_j) / (z_1st - z_3rd) (Croce & Hein 2020).
 */
export type Loss = 'crossEntropy' | 'margin' | 'dlr';

export const losses: readonly Loss[] = ['crossEntropy', 'margin', 'dlr'];

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
  /** The same for an attack's step, which samples go through {@link defaultBatch} at most at a time. */
  inputGradient: number;
  /** The same for logits. */
  inference: number;
}

const inference: Purpose = {
  mode: 'eval',
  inputGradient: false,
  parameterGradients: false,
  keepWinners: false,
  recompute: false,
};
const attack: Purpose = { ...inference, inputGradient: true };
const patterns: Purpose = { ...inference, keepWinners: true };

export class Network {
  #spec: ModelSpec;
  #graph: Graph;
  readonly classes: number;
  readonly sampleSize: number;
  readonly parameters: Parameters;
  readonly state: RunState;
  readonly #plans = new Map<string, Plan>();

  /** @throws {ShapeError}, {ConfigError} or {MemoryError} */
  constructor(
    spec: ModelSpec,
    seed: number,
    private readonly workspace: Workspace,
    private readonly options: NetworkOptions,
  ) {
    this.#spec = spec;
    this.#graph = buildGraph(spec);
    this.classes = classesOf(this.graph);
    this.sampleSize = featureSize(this.graph.input);
    this.parameters = new Parameters(workspace.kernels, this.graph);
    this.parameters.initialise(seed);
    this.state = { seed, step: 0, updateRunning: false };
  }

  /** Logits `[n, classes]` in eval mode, in batches of {@link defaultBatch}. */
  logits(x: Float32Array): Float32Array {
    return this.#inBatches(x, this.classes, (part, n) => {
      const plan = this.#plan(inference, n);
      plan.forward(part, n);
      return plan.readLogits(n);
    });
  }

  /** Loss of each sample and its gradient w.r.t. the sample, in eval mode. @throws {ConfigError} for dlr of two classes. */
  inputGradient(x: Float32Array, labels: ArrayLike<number>, loss: Loss): InputGradient {
    if (loss === 'dlr' && this.classes < 3) {
      throw new ConfigError(`loss: 'dlr' expects at least 3 classes, the model has ${this.classes}`);
    }
    const count = x.length / this.sampleSize;
    const result: InputGradient = {
      losses: new Float32Array(count),
      logits: new Float32Array(count * this.classes),
      gradient: new Float32Array(x.length),
    };
    for (let from = 0; from < count; from += defaultBatch) {
      const n = Math.min(defaultBatch, count - from);
      const plan = this.#plan(attack, n);
      plan.forward(x.subarray(from * this.sampleSize, (from + n) * this.sampleSize), n);
      this.#loss(plan, Array.prototype.slice.call(labels, from, from + n), loss, 1);
      result.losses.set(this.workspace.kernels.f32(plan.losses.pointer, n), from);
      result.logits.set(plan.readLogits(n), from * this.classes);
      plan.backward(n);
      result.gradient.set(plan.readInputGradient(n), from * this.sampleSize);
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
    const n = labels.length;
    this.parameters.needGradients();
    const plan = this.#plan(this.#training, n);
    this.state.updateRunning = updateRunning;
    try {
      plan.forward(x, n);
    } finally {
      this.state.updateRunning = false;
    }
    this.#loss(plan, labels, 'crossEntropy', 1 / n);
    const { kernels } = this.workspace;
    const sum = kernels.f32(plan.losses.pointer, n).reduce((total, value) => total + value, 0);
    const correct = countCorrect(kernels.f32(plan.logits.data.pointer, n * this.classes), labels, this.classes);
    plan.backward(n);
    return { loss: sum / n, correct };
  }

  /** Standard normal values `first ... first + length` of stream `draw`. */
  normal(seed: number, draw: number, first: number, length: number): Float32Array {
    const { kernels } = this.workspace;
    const pointer = this.workspace.reserve(length * 4, 'random numbers');
    kernels.exports.normal(seed, draw, first, length, pointer);
    return kernels.f32(pointer, length).slice();
  }

  /** Winners of every k-WTA layer in eval mode: per layer and sample, C, H, W indices, ascending. */
  activationPattern(x: Float32Array): { layer: string; indices: Uint32Array[] }[] {
    const { kernels } = this.workspace;
    const count = x.length / this.sampleSize;
    const result = new Map<string, Uint32Array[]>();
    for (let from = 0; from < count; from += defaultBatch) {
      const n = Math.min(defaultBatch, count - from);
      const plan = this.#plan(patterns, n);
      plan.forward(x.subarray(from * this.sampleSize, (from + n) * this.sampleSize), n);
      for (const { layer, value } of plan.winners) {
        const { capacity, features, start } = value;
        const pixels = features.h * features.w;
        const starts = kernels.u32(start.pointer, n * (pixels + 1));
        const counts = Array.from({ length: n }, (_, s) => starts[s * (pixels + 1) + pixels]);
        const bytes = capacity * 4;
        const pointer = kernels.allocate(bytes, 'an activation pattern');
        const samples = result.get(layer) ?? [];
        for (const [s, length] of counts.entries()) {
          kernels.exports.sparse_chw_indices(...sparseArguments(n, value), s, pointer);
          samples.push(kernels.u32(pointer, length).slice());
        }
        kernels.free(pointer, bytes);
        result.set(layer, samples);
      }
    }
    return [...result].map(([layer, indices]) => ({ layer, indices }));
  }

  /** The description, with the gamma that is in use. */
  get spec(): ModelSpec {
    return this.#spec;
  }

  get graph(): Graph {
    return this.#graph;
  }

  /** Changes gamma of every k-WTA layer that has one. @throws {ConfigError} when a layer would keep no value. */
  setGamma(gamma: number): void {
    const spec = withGamma(this.#spec, gamma);
    this.#graph = buildGraph(spec);
    this.#spec = spec;
    this.#dropPlans();
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
    this.parameters.dispose();
  }

  get #training(): Purpose {
    return { ...inference, mode: 'train', parameterGradients: true, recompute: this.options.recompute };
  }

  #bytes(purpose: Purpose, batch: number): number {
    const plan = this.#build(purpose, batch);
    plan.dispose();
    return plan.bytes;
  }

  #dropPlans(): void {
    for (const plan of this.#plans.values()) plan.dispose();
    this.#plans.clear();
  }

  #inBatches(x: Float32Array, width: number, run: (part: Float32Array, n: number) => Float32Array): Float32Array {
    const count = x.length / this.sampleSize;
    const result = new Float32Array(count * width);
    for (let from = 0; from < count; from += defaultBatch) {
      const n = Math.min(defaultBatch, count - from);
      result.set(run(x.subarray(from * this.sampleSize, (from + n) * this.sampleSize), n), from * width);
    }
    return result;
  }

  #plan(purpose: Purpose, n: number): Plan {
    const key = JSON.stringify(purpose);
    const known = this.#plans.get(key);
    if (known !== undefined && known.batch >= n) return known;
    known?.dispose();
    this.#plans.delete(key);
    const plan = this.#build(purpose, n);
    try {
      plan.place();
    } catch (error) {
      plan.dispose();
      throw error;
    }
    this.#plans.set(key, plan);
    return plan;
  }

  #build(purpose: Purpose, n: number): Plan {
    return new Plan(this.graph, purpose, n, this.parameters.byName, this.state, this.workspace);
  }

  #loss(plan: Plan, labels: ArrayLike<number>, loss: Loss, scale: number): void {
    const { exports, u32 } = this.#memory;
    const n = labels.length;
    u32(plan.labels.pointer, n).set(labels);
    const sizes = [losses.indexOf(loss), n, this.classes] as const;
    const { pointer: logits } = plan.logits.data;
    exports.losses(...sizes, logits, plan.labels.pointer, plan.losses.pointer);
    exports.loss_gradient(...sizes, logits, plan.labels.pointer, scale, plan.logitsGradient.pointer);
  }

  get #memory() {
    const { kernels } = this.workspace;
    return { exports: kernels.exports, u32: (pointer: number, length: number) => kernels.u32(pointer, length) };
  }
}
