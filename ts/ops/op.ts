/**
 * What every operation provides: a shape rule, its parameters, and a step that runs forward and can be
 * given a backward step. Values are batches of feature maps, channels last in wasm memory, dense or
 * compressed (see crates/kernels/src/sparse.rs); gradients are dense, or compressed at the places of a
 * compressed value.
 */

import { ShapeError } from '../base/errors.js';
import { descriptor, optional, type Schema, string, type Tagged, tagged } from '../base/schema.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Buffer } from './buffer.js';

/** Extents of one sample. */
export interface Features {
  c: number;
  h: number;
  w: number;
}

/** Values of one sample. */
export function featureSize({ c, h, w }: Features): number {
  return c * h * w;
}

/** `[C, H, W]` as text, for messages. */
export function featureText({ c, h, w }: Features): string {
  return `[${c}, ${h}, ${w}]`;
}

/** A batch held whole: `[n][h][w][c]`. */
export interface DenseValue {
  kind: 'dense';
  features: Features;
  data: Buffer;
  /**
   * A ReLU's output, winners, or the largest of windows of these: much of it is +0, and its gradient is not needed there. A
   * winner of zero is -0.
   */
  rectified?: true;
}

/** A batch of which each sample keeps at most `capacity` values. */
export interface CompressedValue {
  kind: 'compressed';
  features: Features;
  capacity: number;
  start: Buffer;
  channel: Buffer;
  value: Buffer;
}

export type Value = DenseValue | CompressedValue;

/** The gradient of a value: whole, or non-zero only at the entries of `at`. */
export type Gradient = { kind: 'dense'; data: Buffer } | { kind: 'compressed'; at: CompressedValue; values: Buffer };

/** `train` uses batch statistics and drops values; `eval` does neither. */
export type Mode = 'train' | 'eval';

/** How a parameter lies in memory, beside PyTorch's order. */
export type ParameterLayout =
  /** As in PyTorch. */
  | 'plain'
  /** PyTorch `[c][h][w]`, here `[h][w][c]`: one for each value of a sample. */
  | 'channelsLast'
  /** PyTorch `[out][in][kh][kw]`, here `[block][in][kh][kw][width]` (crates/kernels/src/conv2d). */
  | 'convolution';

/** One parameter of a layer, as PyTorch names and shapes it. */
export interface ParameterSpec {
  name: string;
  shape: number[];
  layout: ParameterLayout;
  /** False for running statistics: no gradient, no optimizer step. */
  trainable: boolean;
  /** First values: a constant, or uniform in [-bound, bound]. */
  initial: { constant: number } | { uniform: number };
}

/** A parameter in wasm memory; `gradient` holds the last backward pass's. */
export interface Parameter {
  spec: ParameterSpec;
  data: Buffer;
  gradient: Buffer;
}

/** What differs from run to run of one plan. */
export interface RunState {
  /** Seed of the model's random numbers. */
  seed: number;
  /** Optimizer steps done, so that dropout draws anew. */
  step: number;
  /** Passes begun, so that what is random in eval mode, too, draws anew. */
  passes: number;
  /** Batch norm moves its running statistics: while fitting, not when gradients are only asked for. */
  updateRunning: boolean;
}

/** What a step may use while it is built. */
export interface BuildContext {
  kernels: Kernels;
  /** Name of the layer, for messages. */
  layer: string;
  mode: Mode;
  /** Largest number of samples of a run. */
  batch: number;
  parameters: Record<string, Parameter>;
  /** Reserves `length` 4-byte values; memory is assigned when the whole plan is known. */
  buffer(length: number): Buffer;
  /** Values that never change, placed at once. */
  constant(values: readonly number[]): Buffer;
  /** True when the step may overwrite input `i`: nobody reads it afterwards. */
  mayOverwrite(i: number): boolean;
  /** What differs from run to run; read while a step runs. */
  state: RunState;
  /** Number of the node, so that layers draw different random numbers. */
  stream: number;
}

/** What the caller wants of a backward step. */
export interface Wanted {
  inputs: boolean[];
  parameters: boolean;
}

/** The backward half of a step. */
export interface BackwardStep {
  /** Gradient of each wanted input; may be the output's gradient itself. */
  inputs: (Gradient | undefined)[];
  /** Every buffer that `run` reads or writes. */
  uses: Buffer[];
  run(n: number): void;
}

/**
 * What a step decides by comparing values, in its last run: where it compares, and what it chose. Between two changes of
 * what is chosen its output is affine in its input.
 */
export type Choice =
  /** The `k` largest of each group; more, where values are equal that may all be kept. */
  | {
      kind: 'kwta';
      input: DenseValue;
      chosen: CompressedValue;
      k: number;
      scope: WinnerScope;
      factors: Buffer | undefined;
    }
  /** Those above zero. */
  | { kind: 'relu'; input: DenseValue }
  /** `argmax`: for each value of the output the pixel of the input that is the largest of its window. */
  | {
      kind: 'maxPool';
      input: DenseValue;
      argmax: Buffer;
      output: Features;
      kernel: number;
      stride: number;
      padding: number;
    };

/** Which values share winners; `factors` are those by channel that what is compared was multiplied with. */
export type WinnerScope = 'layer' | 'channel' | 'pixel';

/** Kinds of choices. */
export type ChoiceKind = Choice['kind'];

/** The derivative of a step's output along one direction of its inputs, with what the last run chose. */
export interface TangentStep {
  /** Of the form of the step's output, with its pattern. */
  output: Value;
  /** Every buffer that `run` reads or writes. */
  uses: Buffer[];
  run(n: number): void;
}

/** An operation built for a plan. */
export interface Step {
  output: Value;
  /** Every buffer that `run` reads or writes. */
  uses: Buffer[];
  run(n: number): void;
  backward(outputGradient: Gradient, wanted: Wanted): BackwardStep;
  choice: Choice | undefined;
  /**
   * In eval mode. An operation without one is not affine between its choices, it is curved or random; or what it
   * compares is not, as where winners are chosen by magnitude.
   *
   * @param inputs derivatives of the inputs, of the form of these.
   */
  tangent: ((inputs: Value[]) => TangentStep) | 'curved' | 'random' | 'magnitude';
}

/** Of an operation that gives its input as it is. */
export function identityStep(input: Value): Step {
  const passOn = { uses: [], run: () => {} };
  return {
    output: input,
    ...passOn,
    backward: (dy) => ({ inputs: [dy], ...passOn }),
    choice: undefined,
    tangent: ([dx]) => ({ output: dx, ...passOn }),
  };
}

/** What is true of every layer of a kind; plans ask this, never the name of a kind. */
export interface OpTraits {
  /** Inputs may be compressed. Otherwise the plan expands them first. */
  takesCompressed: boolean;
  /** The backward pass does not read the output, so that the next operation may overwrite it. */
  outputIsFree: boolean;
  /** Chooses winners: with `gamma` a share of the values, which may change while training. */
  selects: boolean;
  /** Training uses statistics of the batch, which need two values per channel or more. */
  batchStatistics: boolean;
  /** Its forward step may run again just before the backward pass, instead of keeping the output. */
  repeatable: boolean;
}

/** Schema of a layer: its own fields, and the name that every layer may have. */
export function layer<const Type extends string, const Entries extends Record<string, LayerField>>(
  type: Type,
  entries: Entries,
) {
  return tagged(type, {
    ...entries,
    /** Of the layer in state dicts and messages; its position by default. */
    name: optional(string()),
  });
}

type LayerField = Schema | ReturnType<typeof optional>;

/** Descriptor of a kind of layer. */
export function opDescriptor<S extends Tagged>(schema: S, traits: OpTraits) {
  return descriptor<S, OpTraits>(schema, traits);
}

/** What follows from a layer's description alone; a page has it without the layer's code. */
export interface OpRule<Spec> {
  /** Extents of the output. @throws {ShapeError} or {ConfigError} naming `layer`. */
  shape(spec: Spec, inputs: Features[], layer: string): Features;
  parameters(spec: Spec, input: Features): ParameterSpec[];
}

/** How one kind of layer is computed. */
export interface Op<Spec> {
  build(spec: Spec, inputs: Value[], context: BuildContext): Step;
}

/** @throws {ShapeError} when a batch of `n` has no variance to train with, for a layer that uses it. */
export function checkBatch(layer: string, type: string, features: Features, n: number): void {
  if (n * features.h * features.w < 2) {
    throw new ShapeError(
      `${layer} (${type}): expected at least 2 values per channel in training, got a batch of ${n} of ` +
        `${featureText(features)}; the last batch of an epoch may be smaller than the others`,
    );
  }
}

/** Largest share of the values of a sample that are not zero; 1 unless the value is compressed. */
export function density(value: Value): number {
  return value.kind === 'dense' ? 1 : value.capacity / featureSize(value.features);
}

/** Buffers of a value, for `uses`. */
export function buffersOf(value: Value): Buffer[] {
  return value.kind === 'dense' ? [value.data] : [value.start, value.channel, value.value];
}

/** Buffers of what was compared and of what was chosen. */
export function choiceBuffers(choice: Choice): Buffer[] {
  const { data } = choice.input;
  if (choice.kind === 'kwta') {
    return [data, ...buffersOf(choice.chosen), ...(choice.factors === undefined ? [] : [choice.factors])];
  }
  return choice.kind === 'maxPool' ? [data, choice.argmax] : [data];
}

/** Buffers of a gradient, for `uses`. */
export function gradientBuffers(gradient: Gradient): Buffer[] {
  return gradient.kind === 'dense' ? [gradient.data] : [gradient.at.start, gradient.at.channel, gradient.values];
}

/** The leading arguments of every kernel on a compressed batch of `n` samples. */
export function compressedArguments(
  n: number,
  value: CompressedValue,
): [n: number, pixels: number, channels: number, capacity: number, start: number, channel: number] {
  const { c, h, w } = value.features;
  return [n, h * w, c, value.capacity, value.start.pointer, value.channel.pointer];
}

/** A new compressed value. */
export function compressedValue(context: BuildContext, features: Features, capacity: number): CompressedValue {
  const { batch } = context;
  return {
    kind: 'compressed',
    features,
    capacity,
    start: context.buffer(batch * (features.h * features.w + 1)),
    channel: context.buffer(batch * capacity),
    value: context.buffer(batch * capacity),
  };
}

/** A value with the entries of `pattern`, and other values at them. */
export function entriesOf(context: BuildContext, pattern: CompressedValue): CompressedValue {
  return { ...pattern, value: context.buffer(context.batch * pattern.capacity) };
}

/** A new dense value. */
export function denseValue(context: BuildContext, features: Features): DenseValue {
  return { kind: 'dense', features, data: context.buffer(context.batch * featureSize(features)) };
}

/** The dense value among `inputs[0]`; ops that do not take compressed inputs never meet one. */
export function denseInput(inputs: Value[], index = 0): DenseValue {
  const input = inputs[index];
  if (input.kind !== 'dense') throw new TypeError(`input ${index} must be expanded first`);
  return input;
}

/** `gradient` as a dense buffer, with the work that makes it so. */
export function denseGradient(
  context: BuildContext,
  gradient: Gradient,
  features: Features,
): { data: Buffer; uses: Buffer[]; prepare(n: number): void } {
  if (gradient.kind === 'dense') return { data: gradient.data, uses: [gradient.data], prepare: () => {} };
  const data = context.buffer(context.batch * featureSize(features));
  const { at, values } = gradient;
  return {
    data,
    uses: [data, ...gradientBuffers(gradient)],
    prepare: (n) => context.kernels.exports.sparse_densify(...compressedArguments(n, at), values.pointer, data.pointer),
  };
}
