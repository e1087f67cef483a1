/** The batches of a training run: which samples, augmented how. A step's batch depends on the run's options and its number alone. */
import { Random, STREAMS } from '../base/random.js';
import type { Dataset } from '../data/dataset.js';
import { augmented, type Drawn } from './augment/index.js';
import type { Targets } from './loss.js';
import type { FitSpec } from './spec.js';

/** Samples as they go into a step, and what they are to be taken for. */
export interface StepBatch {
  /** `[n, C, H, W]` */
  x: Float32Array;
  targets: Targets;
}

/** What a batch depends on besides the samples and its step. */
export type BatchOptions = Pick<FitSpec, 'augment' | 'batchSize' | 'seed'>;

/** Makes one batch after another. */
export class Batches {
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  constructor(
    private readonly train: Dataset,
    private readonly spec: BatchOptions,
  ) {}

  /** Steps of an epoch. */
  get perEpoch(): number {
    return Math.ceil(this.train.length / this.spec.batchSize);
  }

  /** The batch of a step, counted from 0 over all epochs. */
  at(step: number): StepBatch {
    const { train, spec, perEpoch } = this;
    const epoch = Math.floor(step / perEpoch);
    if (epoch !== this.#epoch) {
      this.#order = new Random(spec.seed, STREAMS.order + epoch).permutation(train.length);
      this.#epoch = epoch;
    }
    const from = (step % perEpoch) * spec.batchSize;
    const numbers = this.#order.subarray(from, from + spec.batchSize);
    const labels = Int32Array.from(numbers, (i) => train.labels[i]);
    const x = train.tensor(numbers).data;
    return finishedBatch(spec, { x, shape: train.shape, labels, numbers }, { epoch, step });
  }
}

/** Samples as they go into a step: augmented, if that is wished. */
export function finishedBatch(
  { augment, seed }: BatchOptions,
  drawn: Drawn,
  place: { epoch: number; step: number },
): StepBatch {
  const { x, labels } = drawn;
  const targets = augment === undefined ? { labels } : augmented(augment, drawn, { seed, ...place });
  return { x, targets };
}
