/** An optimizer at work: its state in wasm memory. */
import type { Network } from '../graph/network.js';
import type { Kernels } from '../kernels/kernels.js';
import { type OptimizerSpec, ruleOf } from './optimizers/index.js';

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

  dispose(): void {
    this.#kernels.free(this.#pointer, this.#bytes);
  }
}
