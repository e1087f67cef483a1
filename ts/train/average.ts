/**
 * Averages of the weights that a run passes through; training itself goes on with its own.
 *
 * `ema`: after every step the average moves by `1 - decay` of the way to the weights, as PyTorch's `AveragedModel` with
 * `get_ema_multi_avg_fn`; batch norm's statistics are those of the weights. `swa` (Izmailov et al. 2018): the mean of the
 * weights after each epoch from `from` on; the statistics belong to none of them, and are estimated for it.
 */
import type { Tensor } from '../base/tensor.js';
import type { Parameters } from '../graph/parameters.js';
import type { FitSpec } from './spec.js';

/** An average as a value. */
export interface AverageState {
  /** Of how many it is the mean. */
  count: number;
  /** By the model's names, with statistics. */
  values: Record<string, Tensor>;
}

/** An average as it lies in memory. */
interface Moved {
  count: number;
  values: Float32Array;
}

export class Average {
  #count = 0;
  /** As the parameters lie in memory. */
  #values: Float32Array | undefined;

  constructor(
    private readonly parameters: Parameters,
    private readonly spec: Pick<FitSpec, 'ema' | 'swa'>,
  ) {}

  /** What stands for the weights so far, if anything does. */
  get values(): Float32Array | undefined {
    return this.#values;
  }

  /** After a step of the optimizer. */
  afterStep(): void {
    if (this.spec.ema !== undefined) this.adopt(this.#moved(this.#values, 1 - this.spec.ema.decay));
  }

  /** The average after an epoch, if it has changed; {@link adopt} takes it over. */
  afterEpoch(index: number): Moved | undefined {
    if (this.spec.swa === undefined || index < this.spec.swa.from) return undefined;
    return this.#moved(this.#values?.slice(), 1 / (this.#count + 1));
  }

  adopt({ count, values }: Moved): void {
    this.#count = count;
    this.#values = values;
  }

  state(): AverageState | null {
    if (this.#values === undefined) return null;
    return { count: this.#count, values: this.parameters.named(this.#values) };
  }

  restore({ count, values }: AverageState): void {
    this.adopt({ count, values: this.parameters.placed(values) });
  }

  /** Moves `average` by `share` of the way to the weights; the first average is the weights. */
  #moved(average: Float32Array | undefined, share: number): Moved {
    const now = this.parameters.view();
    const count = this.#count + 1;
    if (average === undefined) return { count, values: now.slice() };
    for (const { trainable, from, to } of this.parameters.ranges()) {
      if (!trainable) average.set(now.subarray(from, to), from);
      else for (let i = from; i < to; i++) average[i] += (now[i] - average[i]) * share;
    }
    return { count, values: average };
  }
}
