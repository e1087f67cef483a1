/** The batches of a training run: which samples, augmented how. A step's batch depends on the run's options and its number alone. */
import { Random, STREAMS } from '../base/random.js';
import type { Dataset } from '../data/dataset.js';
import { augmented } from './augment/index.js';
import type { Targets } from './loss.js';
import type { FitSpec } from './spec.js';

/** Samples as they go into a step, and what they are to be taken for. */
export interface StepBatch {
  /** `[n, C, H, W]` */
  x: Float32Array;
  targets: Targets;
}

/** Makes one batch after another. */
export class Batches {
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();

  constructor(
    private readonly train: Dataset,
    private readonly spec: Pick<FitSpec, 'augment' | 'batchSize' | 'seed'>,
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
    if (spec.augment === undefined) return { x, targets: { labels } };
    const targets = augmented(
      spec.augment,
      { x, shape: train.shape, labels, numbers },
      { seed: spec.seed, epoch, step },
    );
    return { x, targets };
  }
}
