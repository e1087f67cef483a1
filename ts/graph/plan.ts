/**
 * A graph compiled for one purpose: steps forward and backward, with every buffer placed by lifetime in
 * the shared workspace. What nobody asked for is not computed and takes no memory.
 */
import { MemoryError } from '../base/errors.js';
import { alignment, type Kernels } from '../kernels/kernels.js';
import { Buffer } from '../ops/buffer.js';
import { opOf, traitsOf } from '../ops/index.js';
import {
  type BuildContext,
  type Choice,
  choiceBuffers,
  type DenseValue,
  featureSize,
  type Mode,
  type Parameter,
  type RunState,
  type Value,
} from '../ops/op.js';
import { buildBackward, type Slot, type Timed } from './backward.js';
import { type Graph, graphInput, type Node } from './graph.js';
import { type Lifetime, Lifetimes, packByLifetime } from './lifetimes.js';
import { parametersOf } from './parameters.js';
import { withoutIdle } from './recompute.js';
import { Tangents } from './tangents.js';
import type { Workspace } from './workspace.js';

/** Values of a tensor; the kernels take no longer ones. */
const longest = 2 ** 28 - 1;

/** What a plan computes. */
export interface Purpose {
  mode: Mode;
  /** Gradient of the input. */
  inputGradient: boolean;
  /** Gradients of the parameters. */
  parameterGradients: boolean;
  /** What layers chose stays readable after the run, with the values that they compared. */
  keepChoices: boolean;
  /** Forward goes with derivatives along a direction of the input (in eval mode). */
  tangents: boolean;
  /** The backward half may run more than once. */
  retain: boolean;
  /** Outputs of convolutions behind k-WTA are computed again for the backward pass, not kept. */
  recompute: boolean;
}

/** Samples in wasm memory. */
export interface Place {
  pointer: number;
  order: 'channelsFirst' | 'channelsLast';
}

/** What a layer chose in a run, and how what it compared changes along the direction: with `tangents` alone. */
export interface Chosen {
  layer: string;
  choice: Choice;
  slope: DenseValue | undefined;
}

export class Plan {
  readonly input: DenseValue;
  readonly logits: DenseValue;
  /** Gradient of the logits, written between {@link forward} and {@link backward}. */
  readonly logitsGradient: Buffer;
  /** Class of each sample, u32. */
  readonly labels: Buffer;
  /** Loss of each sample. */
  readonly losses: Buffer;
  /** What the plan needs of the workspace. */
  readonly bytes: number;
  readonly #inputGradient: Buffer | undefined;
  /** One batch in channels-first order, where that differs. */
  readonly #staging: Buffer;
  /** Every layer that chooses, in the order of computation. */
  readonly chosen: Chosen[] = [];
  readonly #tangents: Tangents | undefined;
  #logitsTangent: DenseValue | undefined;
  /** The steps of {@link forward}; of {@link backward}. */
  readonly forwardSteps: Timed[] = [];
  readonly backwardSteps: readonly Timed[];
  /** Everything that has a place in the workspace; and when each of these is needed. */
  readonly buffers: Buffer[] = [];
  readonly lifetimes: readonly Lifetime[];
  readonly #constants: Buffer[] = [];
  readonly #offsets: number[];
  /** Of each forward step, its layer and what it gives. */
  readonly #outputs: { layer: string; value: Value }[] = [];
  readonly #kernels: Kernels;
  #version = -1;

  /**
   * Decides everything, and takes no room in the workspace yet.
   *
   * @param batch largest number of samples of a run.
   */
  constructor(
    readonly graph: Graph,
    readonly purpose: Purpose,
    readonly batch: number,
    parameters: ReadonlyMap<string, Parameter>,
    state: RunState,
    private readonly workspace: Workspace,
  ) {
    this.#kernels = workspace.kernels;
    const builder = (node: Node | undefined, stream: number, mayOverwrite: (i: number) => boolean): BuildContext => ({
      kernels: this.#kernels,
      layer: node?.name ?? 'input',
      mode: purpose.mode,
      batch,
      parameters: node ? parametersOf(node, parameters) : {},
      buffer: (length) => this.#buffer(length),
      constant: (values) => this.#constant(values),
      mayOverwrite,
      state,
      stream,
    });

    this.input = { kind: 'dense', features: graph.input, data: this.#buffer(batch * featureSize(graph.input)) };
    this.#staging = this.#buffer(this.input.data.length);
    this.labels = this.#buffer(batch);
    this.losses = this.#buffer(batch);
    if (purpose.tangents) this.#tangents = new Tangents({ ...this.input, data: this.#buffer(this.input.data.length) });
    const slots: Slot[] = [];
    try {
      this.#buildForward(slots, builder);
      this.logits = this.#expandLast(slots, builder);
    } catch (error) {
      this.dispose();
      throw error;
    }
    const context = builder(undefined, 0, () => false);
    this.logitsGradient = this.#buffer(this.logits.data.length);
    let steps: readonly Timed[] = [];
    let repeated: ReadonlyMap<Timed, number> = new Map();
    if (purpose.inputGradient || purpose.parameterGradients) {
      ({
        steps,
        repeated,
        inputGradient: this.#inputGradient,
      } = buildBackward(slots, this.input, this.logitsGradient, purpose, context));
    }
    const { steps: backward, need: packed } = withoutIdle(steps, repeated, (some) => {
      const lifetimes = this.#lifetimes(some);
      return { lifetimes, ...packByLifetime(lifetimes, alignment) };
    });
    this.backwardSteps = backward;
    this.lifetimes = packed.lifetimes;
    this.#offsets = packed.offsets;
    this.bytes = packed.bytes;
  }

  /** Makes room in the workspace, if the plan has none there. @throws {MemoryError} */
  place(): void {
    if (this.#version === this.workspace.version) return;
    const purpose = `a batch of ${this.batch} samples ${this.purpose.parameterGradients ? 'in training' : 'in evaluation'}`;
    const most = Math.max(...this.buffers.map(({ length }) => length));
    if (most > longest) {
      throw new MemoryError(
        `${purpose}: needs ${Math.ceil(this.bytes / 2 ** 20)} MiB; expected at most ${longest} values in one tensor, got ${most}`,
      );
    }
    const base = this.workspace.reserve(this.bytes, purpose);
    for (const [i, buffer] of this.buffers.entries()) buffer.assign(base + this.#offsets[i]);
    this.#version = this.workspace.version;
  }

  /**
   * Computes the logits of `n` samples.
   *
   * @param x `[n, C, H, W]`; or where they lie in wasm memory, in that order or channels last.
   * @param directions `[n, C, H, W]`, for a plan with `tangents`.
   * @returns the number of the run in the workspace.
   * @throws {MemoryError} when the plan does not fit. {DivergedError} when k-WTA meets NaN.
   */
  forward(x: Float32Array | Place, n: number, directions?: Float32Array): number {
    const run = this.#begin(x, n, directions);
    for (const step of this.forwardSteps) step.run(n);
    return run;
  }

  /**
   * The first layer that answers `n` samples with a value that is not finite, if one does. Nothing can be asked of the plan
   * afterwards.
   *
   * @param x `[n, C, H, W]`
   * @throws {DivergedError} when k-WTA meets NaN before.
   */
  firstNotFinite(x: Float32Array, n: number): string | undefined {
    this.#begin(x, n);
    for (const [i, step] of this.forwardSteps.entries()) {
      step.run(n);
      const { layer, value } = this.#outputs[i];
      if (!this.#isFinite(value, n)) return layer;
    }
    return undefined;
  }

  #isFinite(value: Value, n: number): boolean {
    const { exports } = this.#kernels;
    const size = featureSize(value.features);
    if (value.kind === 'dense') return exports.all_finite(n * size, value.data.pointer);
    const pixels = value.features.h * value.features.w;
    const starts = this.#kernels.u32(value.start.pointer, n * (pixels + 1));
    return Array.from({ length: n }, (_, s) => s).every((s) =>
      exports.all_finite(starts[s * (pixels + 1) + pixels], value.value.pointer + 4 * s * value.capacity),
    );
  }

  /** Begins a run: samples, and directions, lie where the first layer reads them. */
  #begin(x: Float32Array | Place, n: number, directions?: Float32Array): number {
    this.place();
    const run = this.workspace.begin();
    if (this.#tangents !== undefined) {
      if (directions === undefined) throw new TypeError('the plan needs directions');
      this.#take(directions, n, this.#tangents.input);
    }
    this.#take(x, n, this.input);
    return run;
  }

  /** Takes samples over from outside. */
  #take(x: Float32Array | Place, n: number, { data }: DenseValue): void {
    const { c, h, w } = this.graph.input;
    const last = 'pointer' in x && x.order === 'channelsLast';
    const target = this.#stages && !last ? this.#staging : data;
    if ('pointer' in x) this.#kernels.exports.copy(n * c * h * w, x.pointer, target.pointer);
    else this.#kernels.f32(target.pointer, x.length).set(x);
    if (target === this.#staging) {
      this.#kernels.exports.nchw_to_nhwc(n, c, h, w, this.#staging.pointer, data.pointer);
    }
  }

  /** A copy of the logits, `[n, classes]`. */
  readLogits(n: number): Float32Array {
    const { pointer } = this.logits.data;
    return this.#kernels.f32(pointer, n * featureSize(this.logits.features)).slice();
  }

  /** A copy of the logits' derivatives along the directions, `[n, classes]`. */
  readLogitsTangent(n: number): Float32Array {
    if (this.#logitsTangent === undefined) throw new TypeError('the plan computes no derivatives along directions');
    const { data, features } = this.#logitsTangent;
    return this.#kernels.f32(data.pointer, n * featureSize(features)).slice();
  }

  /** The input gradient, channels last, where it lies: valid until the next run. */
  viewInputGradient(n: number): Float32Array {
    if (this.#inputGradient === undefined) throw new TypeError('the plan computes no input gradient');
    return this.#kernels.f32(this.#inputGradient.pointer, n * featureSize(this.graph.input));
  }

  /** A copy of the input gradient, `[n, C, H, W]`, after {@link backward}. */
  readInputGradient(n: number): Float32Array {
    if (this.#inputGradient === undefined) throw new TypeError('the plan computes no input gradient');
    const { c, h, w } = this.graph.input;
    const source = this.#stages ? this.#staging : this.#inputGradient;
    if (this.#stages) {
      this.#kernels.exports.nhwc_to_nchw(n, c, h, w, this.#inputGradient.pointer, this.#staging.pointer);
    }
    return this.#kernels.f32(source.pointer, n * c * h * w).slice();
  }

  /** Computes the gradients that were asked for, from {@link logitsGradient}. */
  backward(n: number): void {
    for (const step of this.backwardSteps) step.run(n);
  }

  /** Frees what is not in the workspace. */
  dispose(): void {
    for (const constant of this.#constants) this.#kernels.free(constant.pointer, constant.bytes);
    this.#constants.length = 0;
  }

  get #stages(): boolean {
    const { c, h, w } = this.graph.input;
    return c > 1 && h * w > 1;
  }

  #buffer(length: number): Buffer {
    const buffer = new Buffer(length);
    this.buffers.push(buffer);
    return buffer;
  }

  #constant(values: readonly number[]): Buffer {
    const buffer = new Buffer(values.length);
    buffer.assign(this.#kernels.allocate(buffer.bytes, 'constants of a layer'));
    this.#kernels.f32(buffer.pointer, buffer.length).set(values);
    this.#constants.push(buffer);
    return buffer;
  }

  /** Adds a node's step to the slots, and says its number. */
  #addStep(slots: Slot[], node: Node, inputs: number[], context: BuildContext): number {
    const values = inputs.map((slot) => (slot === graphInput ? this.input : slots[slot].step.output));
    const step = opOf(node.spec).build(node.spec, values, context);
    slots.push({ step, inputs, node });
    this.#append(node, step);
    const { choice } = step;
    if (choice !== undefined) {
      // Tangents have the form of their values, and what is compared is dense.
      const slope = this.#tangents?.of(inputs[0]) as DenseValue | undefined;
      this.chosen.push({ layer: node.name, choice, slope });
    }
    if (this.#tangents !== undefined) {
      const behind = this.#tangents.add(node, step, inputs);
      this.#append(node, behind);
      if (behind.output.kind === 'dense') this.#logitsTangent = behind.output;
    }
    return slots.length - 1;
  }

  #append({ name: layer }: Node, step: Timed & { output: Value }): void {
    this.forwardSteps.push(step);
    this.#outputs.push({ layer, value: step.output });
  }

  #buildForward(
    slots: Slot[],
    builder: (node: Node, stream: number, mayOverwrite: (i: number) => boolean) => BuildContext,
  ): void {
    const { nodes } = this.graph;
    const consumers = new Map<number, number>();
    for (const node of nodes) for (const i of node.inputs) consumers.set(i, (consumers.get(i) ?? 0) + 1);
    const slotOfNode = new Map<number, number>();
    const expanded = new Map<number, number>();
    const outputOf = (slot: number): Value => (slot === graphInput ? this.input : slots[slot].step.output);

    for (const [index, node] of nodes.entries()) {
      const inputs = node.inputs.map((i) => {
        const slot = i === graphInput ? graphInput : (slotOfNode.get(i) as number);
        if (traitsOf(node.spec).takesCompressed || outputOf(slot).kind === 'dense') return slot;
        const known = expanded.get(slot);
        if (known !== undefined) return known;
        const { features } = outputOf(slot);
        const spec = { type: 'densify', marked: true } as const;
        const expansion: Node = { spec, name: node.name, inputs: [], output: features };
        const made = this.#addStep(
          slots,
          expansion,
          [slot],
          builder(expansion, index, () => false),
        );
        expanded.set(slot, made);
        return made;
      });
      const mayOverwrite = (i: number): boolean => {
        const from = node.inputs[i];
        return from !== graphInput && consumers.get(from) === 1 && traitsOf(nodes[from].spec).outputIsFree;
      };
      slotOfNode.set(index, this.#addStep(slots, node, inputs, builder(node, index, mayOverwrite)));
    }
  }

  /** The last value, expanded when a model ends in k-WTA. */
  #expandLast(
    slots: Slot[],
    builder: (node: Node, stream: number, mayOverwrite: (i: number) => boolean) => BuildContext,
  ): DenseValue {
    const last = slots.length - 1;
    const { output } = slots[last].step;
    if (output.kind === 'dense') return output;
    const spec = { type: 'densify', marked: false } as const;
    const node: Node = { spec, name: slots[last].node.name, inputs: [], output: output.features };
    const slot = this.#addStep(
      slots,
      node,
      [last],
      builder(node, last, () => false),
    );
    return slots[slot].step.output as DenseValue;
  }

  #lifetimes(backward: readonly Timed[]): Lifetime[] {
    const lifetimes = new Lifetimes();
    const turn = this.forwardSteps.length + 1;
    const end = turn + backward.length + 1;
    lifetimes.use(this.input.data, 0);
    lifetimes.use(this.labels, 0);
    lifetimes.use(this.labels, turn);
    lifetimes.use(this.losses, turn);
    lifetimes.use(this.losses, end);
    if (this.#stages) lifetimes.use(this.#staging, 0);
    for (const [i, { uses }] of this.forwardSteps.entries()) for (const buffer of uses) lifetimes.use(buffer, i + 1);
    lifetimes.use(this.logits.data, end);
    // Written even where no step reads it, as in a model without parameters.
    if (this.purpose.inputGradient || this.purpose.parameterGradients) lifetimes.use(this.logitsGradient, turn);
    for (const [i, { uses, renews }] of backward.entries()) {
      if (renews) lifetimes.begin(renews, turn + 1 + i);
      for (const buffer of uses) lifetimes.use(buffer, turn + 1 + i);
    }
    if (this.#inputGradient) {
      lifetimes.use(this.#inputGradient, end);
      if (this.#stages) lifetimes.begin(this.#staging, end);
    }
    if (this.purpose.retain)
      for (const { uses } of this.forwardSteps) for (const buffer of uses) lifetimes.use(buffer, end);
    if (this.#tangents !== undefined) {
      lifetimes.use(this.#tangents.input.data, 0);
      if (this.#logitsTangent !== undefined) lifetimes.use(this.#logitsTangent.data, end);
    }
    if (this.purpose.keepChoices) {
      for (const { choice, slope } of this.chosen) {
        for (const buffer of choiceBuffers(choice)) lifetimes.use(buffer, end);
        if (slope !== undefined) lifetimes.use(slope.data, end);
      }
    }
    return this.buffers.map((buffer) => lifetimes.of(buffer));
  }
}
