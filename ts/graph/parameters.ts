/** Parameters of a network: where they lie, their first values, and PyTorch's order at the boundary. */
import { DivergedError, ShapeError } from '../base/errors.js';
import { Random, STREAMS } from '../base/random.js';
import { checkTensor, describe, shapeText, sizeOf, type Tensor, transposed } from '../base/tensor.js';
import type { Kernels } from '../kernels/kernels.js';
import { Buffer } from '../ops/buffer.js';
import type { Parameter, ParameterSpec } from '../ops/op.js';
import type { Graph, Node } from './graph.js';
import { isCounter, parameterSpecs } from './parameterSpecs.js';

/** All parameters of one network, in one piece of memory; gradients in a second, made when first needed. */
export class Parameters {
  readonly byName = new Map<string, Parameter>();
  readonly #pointer: number;
  readonly #length: number;
  #gradients = 0;

  /** @throws {MemoryError} when they do not fit. */
  constructor(
    private readonly kernels: Kernels,
    graph: Graph,
  ) {
    for (const [name, spec] of parameterSpecs(graph)) {
      const length = this.#lengthOf(spec);
      this.byName.set(name, { spec, data: new Buffer(length), gradient: new Buffer(length) });
    }
    this.#length = [...this.byName.values()].reduce((sum, { data }) => sum + padded(data.length), 0);
    this.#pointer = kernels.allocate(this.bytes, 'the parameters of a model');
    this.#assign(this.#pointer, (parameter) => parameter.data);
  }

  /** Number of trainable values. */
  get count(): number {
    return this.trainable.reduce((sum, { spec }) => sum + sizeOf(spec.shape), 0);
  }

  /** What they occupy; their gradients need as much. */
  get bytes(): number {
    return Math.max(this.#length, 1) * 4;
  }

  get trainable(): Parameter[] {
    return [...this.byName.values()].filter(({ spec }) => spec.trainable);
  }

  /** All values as they lie in memory, until that grows; {@link ranges} says where whose are. */
  view(): Float32Array {
    return this.kernels.f32(this.#pointer, this.#length);
  }

  /** Where the values of each parameter lie in {@link view}. */
  ranges(): { name: string; trainable: boolean; from: number; to: number }[] {
    return [...this.byName].map(([name, { spec, data }]) => {
      const from = (data.pointer - this.#pointer) / 4;
      return { name, trainable: spec.trainable, from, to: from + data.length };
    });
  }

  /** Values that lie as in {@link view}, in PyTorch's names, shapes and order. */
  named(values: Float32Array): Record<string, Tensor> {
    const entries = this.ranges().map(({ name, from, to }): [string, Tensor] => {
      const { spec } = this.#named(name);
      return [name, { shape: [...spec.shape], data: this.#toTorch(spec, values.subarray(from, to)) }];
    });
    return Object.fromEntries(entries);
  }

  /** The opposite of {@link named}, for what {@link checkNamed} has accepted. */
  placed(values: Record<string, Tensor>): Float32Array {
    const result = new Float32Array(this.#length);
    for (const { name, from } of this.ranges())
      result.set(this.#fromTorch(this.#named(name).spec, values[name].data), from);
    return result;
  }

  /** The gradients of all trainable parameters where they lie, until memory grows. */
  gradientViews(): Float32Array[] {
    return this.trainable.map(({ gradient }) => this.kernels.f32(gradient.pointer, gradient.length));
  }

  /** Makes room for gradients. @throws {MemoryError} */
  needGradients(): void {
    if (this.#gradients !== 0) return;
    this.#gradients = this.kernels.allocate(this.bytes, 'the gradients of a model');
    this.#assign(this.#gradients, (parameter) => parameter.gradient);
  }

  /** First values, as PyTorch draws them by default, from `seed`. */
  initialise(seed: number): void {
    let stream: number = STREAMS.initial;
    for (const { spec, data } of this.byName.values()) {
      const values = new Float32Array(sizeOf(spec.shape));
      if ('constant' in spec.initial) values.fill(spec.initial.constant);
      else {
        const { uniform: bound } = spec.initial;
        const random = new Random(seed, stream++);
        for (let i = 0; i < values.length; i++) values[i] = (2 * random.uniform() - 1) * bound;
      }
      this.kernels.f32(data.pointer, data.length).set(this.#fromTorch(spec, values));
    }
  }

  /** Copies in PyTorch's names, shapes and order. */
  read(which: 'data' | 'gradient'): Record<string, Tensor> {
    const entries = [...this.byName].filter(([, { spec }]) => which === 'data' || spec.trainable);
    return Object.fromEntries(entries.map(([name, parameter]) => [name, this.readAt(name, parameter[which].pointer)]));
  }

  /** A copy of values at `pointer` that lie there as the parameter `name` does. */
  readAt(name: string, pointer: number): Tensor {
    const { spec, data } = this.#named(name);
    return { shape: [...spec.shape], data: this.#toTorch(spec, this.kernels.f32(pointer, data.length)) };
  }

  /**
   * Writes values to `pointer` as the parameter `name` lies; {@link checkNamed} has accepted them. Denormal ones become
   * zero: arithmetic on them takes many times as long.
   */
  writeAt(name: string, pointer: number, { data }: Tensor): void {
    const { spec, data: place } = this.#named(name);
    this.kernels.f32(pointer, place.length).set(this.#fromTorch(spec, data));
    this.kernels.exports.flush_denormals(place.length, pointer);
  }

  /**
   * Takes values over, after all of them were checked. BatchNorm's `num_batches_tracked` is accepted and
   * not used.
   *
   * @throws {ShapeError} naming a parameter that is missing, unknown or of another shape.
   */
  write(values: Record<string, Tensor>): void {
    const used = Object.entries(values).filter(([name]) => !isCounter(name));
    checkNamed('stateDict', Object.fromEntries(used), this.byName);
    for (const [name, { data }] of this.byName) this.writeAt(name, data.pointer, values[name]);
  }

  /** @throws {DivergedError} naming a parameter whose gradient is not finite. */
  checkGradients(): void {
    for (const [name, { spec, gradient }] of this.byName) {
      if (!spec.trainable) continue;
      if (!this.kernels.exports.all_finite(gradient.length, gradient.pointer)) {
        throw new DivergedError(`expected finite gradients, got others for '${name}'`);
      }
    }
  }

  /** Remembers the running statistics; the function that it returns puts them back. */
  rememberStatistics(): () => void {
    const statistics = [...this.byName.values()].filter(({ spec }) => !spec.trainable);
    const copies = statistics.map(({ data }) => this.kernels.f32(data.pointer, data.length).slice());
    return () => {
      for (const [i, { data }] of statistics.entries()) this.kernels.f32(data.pointer, data.length).set(copies[i]);
    };
  }

  /** Runs work that replaces the gradients, and adds those from before. @throws {MemoryError} */
  accumulate(work: () => void): void {
    const { exports } = this.kernels;
    const before = this.kernels.allocate(this.bytes, 'a second copy of the gradients');
    try {
      exports.copy(this.#length, this.#gradients, before);
      work();
      exports.add_in_place(this.#length, before, this.#gradients);
    } finally {
      this.kernels.free(before, this.bytes);
    }
  }

  dispose(): void {
    this.kernels.free(this.#pointer, this.bytes);
    if (this.#gradients !== 0) this.kernels.free(this.#gradients, this.bytes);
  }

  /** Values in memory: blocks of weights are whole. */
  #lengthOf({ layout, shape: [out, ...rest] }: ParameterSpec): number {
    const width = layout !== 'convolution' ? 1 : this.kernels.exports.conv2d_weight_block(out);
    return Math.ceil(out / width) * width * sizeOf(rest);
  }

  #fromTorch(spec: ParameterSpec, values: Float32Array): Float32Array {
    if (spec.layout === 'plain') return values;
    if (spec.layout === 'channelsLast') return transposed(values, spec.shape[0]);
    const result = new Float32Array(this.#lengthOf(spec));
    const places = convolutionOrder(spec.shape, this.kernels.exports.conv2d_weight_block(spec.shape[0]));
    for (let i = 0; i < values.length; i++) result[places[i]] = values[i];
    return result;
  }

  #toTorch(spec: ParameterSpec, values: Float32Array): Float32Array {
    if (spec.layout === 'plain') return values.slice();
    if (spec.layout === 'channelsLast') return transposed(values, values.length / spec.shape[0]);
    const places = convolutionOrder(spec.shape, this.kernels.exports.conv2d_weight_block(spec.shape[0]));
    const result = new Float32Array(places.length);
    for (let i = 0; i < places.length; i++) result[i] = values[places[i]];
    return result;
  }

  #named(name: string): Parameter {
    const parameter = this.byName.get(name);
    if (parameter === undefined) throw new TypeError(`no parameter is called '${name}'`);
    return parameter;
  }

  #assign(pointer: number, buffer: (parameter: Parameter) => Buffer): void {
    let next = pointer;
    for (const parameter of this.byName.values()) {
      buffer(parameter).assign(next);
      next += padded(buffer(parameter).length) * 4;
    }
  }
}

/**
 * Checks tensors that are to lie as these parameters do.
 *
 * @throws {ShapeError} naming one that is missing, unknown or of another shape.
 */
export function checkNamed(
  argument: string,
  values: Record<string, Tensor>,
  parameters: ReadonlyMap<string, Parameter>,
): void {
  for (const [name, { spec }] of parameters) {
    const given = values[name];
    if (given === undefined)
      throw new ShapeError(`${argument}: expected '${name}' ${shapeText(spec.shape)}, got nothing`);
    checkTensor(`${argument}['${name}']`, given);
    if (shapeText(given.shape) !== shapeText(spec.shape)) {
      throw new ShapeError(
        `${argument}['${name}']: expected shape ${shapeText(spec.shape)}, got ${shapeText(given.shape)}`,
      );
    }
  }
  for (const name of Object.keys(values)) {
    if (!parameters.has(name)) {
      throw new ShapeError(
        `${argument}: unexpected '${name}' (${describe(values[name])}); the model has no such parameter`,
      );
    }
  }
}

/** The parameters of one layer, by their own names. */
export function parametersOf(node: Node, parameters: ReadonlyMap<string, Parameter>): Record<string, Parameter> {
  const prefix = `${node.name}.`;
  const own: Record<string, Parameter> = {};
  for (const [name, parameter] of parameters) {
    if (name.startsWith(prefix) && parameter.spec.name === name.slice(prefix.length))
      own[parameter.spec.name] = parameter;
  }
  return own;
}

function padded(length: number): number {
  return Math.ceil(length / 16) * 16;
}

/** For each value of `[out][in][...taps]` its place in `[block][in][...taps][width]`. */
function convolutionOrder([out, inputs, ...kernel]: number[], width: number): Uint32Array {
  const taps = sizeOf(kernel);
  const places = new Uint32Array(out * inputs * taps);
  let next = 0;
  for (let o = 0; o < out; o++) {
    const first = Math.floor(o / width) * taps * inputs * width + (o % width);
    for (let i = 0; i < inputs; i++) {
      for (let t = 0; t < taps; t++) places[next++] = first + (i * taps + t) * width;
    }
  }
  return places;
}
