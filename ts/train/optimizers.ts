/** An optimizer at work: its state in wasm memory. */
import { checkInteger } from '../base/check.js';
import { DataError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';
import type { Network } from '../graph/network.js';
import { checkNamed, type Parameters } from '../graph/parameters.js';
import type { Kernels } from '../kernels/kernels.js';
import { type OptimizerSpec, ruleOf } from './optimizers/index.js';

/** All that an optimizer remembers. */
export interface OptimizerState {
  /** Steps taken. */
  steps: number;
  /** One record for each moment, the first one first, by the parameters' state-dict names. */
  moments: Record<string, Tensor>[];
}

/** State of an optimizer over the trainable parameters of one network. */
export class Optimizer {
  readonly #kernels: Kernels;
  readonly #length: number;
  readonly #bytes: number;
  readonly #pointer: number;
  #steps = 0;

  /** @throws {MemoryError} when the moments do not fit. */
  constructor(
    readonly spec: OptimizerSpec,
    private readonly network: Network,
    kernels: Kernels,
  ) {
    this.#kernels = kernels;
    this.#length = network.parameters.trainable.reduce((sum, { data }) => sum + data.length, 0);
    const { moments } = ruleOf(spec);
    this.#bytes = this.#length * 4 * moments;
    this.#pointer = kernels.allocate(this.#bytes, "the optimizer's moments");
    kernels.f32(this.#pointer, this.#length * moments).fill(0);
  }

  /** Moves every trainable parameter along its gradient, at learning rate `lr`. */
  step(lr: number): void {
    this.#steps++;
    const { exports } = this.#kernels;
    const { moments, step } = ruleOf(this.spec);
    let first = this.#pointer;
    for (const { data, gradient } of this.network.parameters.trainable) {
      const { length, pointer: values } = data;
      const places = Array.from({ length: moments }, (_, i) => first + i * this.#length * 4);
      step(exports, this.spec, { length, values, gradient: gradient.pointer, moments: places }, this.#steps, lr);
      first += length * 4;
    }
  }

  /** A copy of what it remembers, in PyTorch's names, shapes and order. */
  state(): OptimizerState {
    const { parameters } = this.network;
    const moments = this.#places().map((places) =>
      Object.fromEntries(places.map(([name, pointer]) => [name, parameters.readAt(name, pointer)])),
    );
    return { steps: this.#steps, moments };
  }

  /** Goes on from what {@link state} gave, which {@link checkOptimizerState} has accepted. */
  restore({ steps, moments }: OptimizerState): void {
    const { parameters } = this.network;
    for (const [i, places] of this.#places().entries()) {
      for (const [name, pointer] of places) parameters.writeAt(name, pointer, moments[i][name]);
    }
    this.#steps = steps;
  }

  dispose(): void {
    this.#kernels.free(this.#pointer, this.#bytes);
  }

  /** For each moment, the parameters' names and where theirs lies. */
  #places(): [name: string, pointer: number][][] {
    return Array.from({ length: ruleOf(this.spec).moments }, (_, i) => {
      let next = this.#pointer + i * this.#length * 4;
      return [...this.network.parameters.byName]
        .filter(([, { spec }]) => spec.trainable)
        .map(([name, { data }]) => {
          const pointer = next;
          next += data.length * 4;
          return [name, pointer];
        });
    });
  }
}

/** @throws {DataError}, {ConfigError} or {ShapeError} unless `state` is one of this optimizer over these parameters. */
export function checkOptimizerState(
  argument: string,
  spec: OptimizerSpec,
  parameters: Parameters,
  { steps, moments }: OptimizerState,
): void {
  checkInteger(`${argument}.steps`, steps, { min: 0 });
  const count = ruleOf(spec).moments;
  if (!Array.isArray(moments) || moments.length !== count || moments.some((moment) => typeof moment !== 'object')) {
    throw new DataError(`${argument}.moments: expected a list of ${count} (${spec.type}), got ${describe(moments)}`);
  }
  const trainable = new Map([...parameters.byName].filter(([, { spec }]) => spec.trainable));
  for (const [i, moment] of moments.entries()) checkNamed(`${argument}.moments[${i}]`, moment ?? {}, trainable);
}
