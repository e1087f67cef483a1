/** Optimizers as plain data, and their state in wasm memory. Update rules are those of torch.optim. */
import { checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';
import type { Network } from '../graph/network.js';
import { checkNamed, type Parameters } from '../graph/parameters.js';
import type { Kernels } from '../kernels/kernels.js';

/** See {@link sgd}. */
export interface SgdSpec {
  type: 'sgd';
  lr: number;
  momentum: number;
  weightDecay: number;
  nesterov: boolean;
}

/** See {@link adam} and {@link adamw}. */
export interface AdamSpec {
  type: 'adam' | 'adamw';
  lr: number;
  betas: [number, number];
  eps: number;
  weightDecay: number;
}

export type OptimizerSpec = SgdSpec | AdamSpec;

/**
 * Stochastic gradient descent. `lr` > 0; `momentum` in [0, 1), 0 by default; `weightDecay` >= 0 (L2), 0 by
 * default; `nesterov` needs a momentum. @throws {ConfigError}
 */
export function sgd(options: { lr: number; momentum?: number; weightDecay?: number; nesterov?: boolean }): SgdSpec {
  checkKeys('sgd', options, ['lr', 'momentum', 'weightDecay', 'nesterov']);
  const { lr, momentum = 0, weightDecay = 0, nesterov = false } = options;
  checkNumber('sgd.lr', lr, { above: 0 });
  checkNumber('sgd.momentum', momentum, { min: 0, below: 1 });
  checkNumber('sgd.weightDecay', weightDecay, { min: 0 });
  if (nesterov && momentum === 0) throw new ConfigError('sgd.nesterov: expected momentum > 0, got 0');
  return { type: 'sgd', lr, momentum, weightDecay, nesterov };
}

type AdamOptions = { lr?: number; betas?: [number, number]; eps?: number; weightDecay?: number };

function adaptive(type: AdamSpec['type'], options: AdamOptions, decay: number): AdamSpec {
  checkKeys(type, options, ['lr', 'betas', 'eps', 'weightDecay']);
  const { lr = 1e-3, betas = [0.9, 0.999], eps = 1e-8, weightDecay = decay } = options;
  checkNumber(`${type}.lr`, lr, { above: 0 });
  checkInteger(`${type}.betas.length`, betas.length, { min: 2, max: 2 });
  for (const beta of betas) checkNumber(`${type}.betas`, beta, { min: 0, below: 1 });
  checkNumber(`${type}.eps`, eps, { above: 0 });
  checkNumber(`${type}.weightDecay`, weightDecay, { min: 0 });
  return { type, lr, betas, eps, weightDecay };
}

/** Adam (Kingma & Ba 2015); `weightDecay` is added to the gradient. Defaults as in PyTorch. @throws {ConfigError} */
export function adam(options: AdamOptions = {}): AdamSpec {
  return adaptive('adam', options, 0);
}

/** AdamW (Loshchilov & Hutter 2019): decoupled `weightDecay`, 0.01 by default. @throws {ConfigError} */
export function adamw(options: AdamOptions = {}): AdamSpec {
  return adaptive('adamw', options, 0.01);
}

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
    const moments = momentsOf(spec);
    this.#bytes = this.#length * 4 * moments;
    this.#pointer = kernels.allocate(this.#bytes, "the optimizer's moments");
    kernels.f32(this.#pointer, this.#length * moments).fill(0);
  }

  /** Moves every trainable parameter along its gradient, at learning rate `lr`. */
  step(lr: number): void {
    this.#steps++;
    const { exports } = this.#kernels;
    const { spec } = this;
    let moment = this.#pointer;
    for (const { data, gradient } of this.network.parameters.trainable) {
      const { length, pointer } = data;
      if (spec.type === 'sgd') {
        const { momentum, weightDecay, nesterov } = spec;
        exports.sgd_step(length, pointer, gradient.pointer, moment, lr, momentum, weightDecay, nesterov);
      } else {
        const second = moment + this.#length * 4;
        const { betas, eps, weightDecay, type } = spec;
        exports.adam_step(
          length,
          pointer,
          gradient.pointer,
          moment,
          second,
          this.#steps,
          lr,
          betas[0],
          betas[1],
          eps,
          weightDecay,
          type === 'adamw',
        );
      }
      moment += length * 4;
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
    return Array.from({ length: momentsOf(this.spec) }, (_, i) => {
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

function momentsOf({ type }: OptimizerSpec): number {
  return type === 'sgd' ? 1 : 2;
}

/** @throws {DataError}, {ConfigError} or {ShapeError} unless `state` is one of this optimizer over these parameters. */
export function checkOptimizerState(
  argument: string,
  spec: OptimizerSpec,
  parameters: Parameters,
  { steps, moments }: OptimizerState,
): void {
  checkInteger(`${argument}.steps`, steps, { min: 0 });
  const count = momentsOf(spec);
  if (!Array.isArray(moments) || moments.length !== count || moments.some((moment) => typeof moment !== 'object')) {
    throw new DataError(`${argument}.moments: expected a list of ${count} (${spec.type}), got ${describe(moments)}`);
  }
  const trainable = new Map([...parameters.byName].filter(([, { spec }]) => spec.trainable));
  for (const [i, moment] of moments.entries()) checkNamed(`${argument}.moments[${i}]`, moment ?? {}, trainable);
}
