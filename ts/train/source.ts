/** Where the batches of a run come from: a dataset in the engine's memory, or a client that reads them (`feed.ts`). */
import type { Dataset } from '../data/dataset.js';
import { Batches, type BatchOptions, type StepBatch } from './batches.js';
import { fingerprintOf } from './fingerprint.js';
import { RingReader } from './ring.js';
import type { FitSpec } from './spec.js';

/** Batches by number, asked for one after another. */
export interface Supply {
  readonly count: number;
  /** Nothing when the batch is there; otherwise resolves when it is, and rejects when it cannot be had. */
  ready(at: number): Promise<void> | undefined;
  at(at: number): StepBatch;
}

/** What a run trains on. */
export interface TrainingSource {
  readonly name: string;
  readonly length: number;
  /** Tells these samples from others. */
  readonly fingerprint: string;
  /** The batches of all steps, of which `from` is the first that will be asked for. */
  steps(from: number): Supply;
  /** All samples once, in order, as they are. */
  inOrder(): Supply;
}

/** A dataset in memory. */
export class HeldSource implements TrainingSource {
  readonly name: string;
  readonly length: number;
  readonly fingerprint: string;

  /** @param ring where another worker puts batches. */
  constructor(
    private readonly data: Dataset,
    private readonly spec: BatchOptions & Pick<FitSpec, 'epochs'>,
    private readonly ring?: SharedArrayBuffer,
  ) {
    this.name = data.name;
    this.length = data.length;
    this.fingerprint = fingerprintOf(data);
  }

  steps(from: number): Supply {
    const { data, spec, ring } = this;
    const batches = new Batches(data, spec);
    const reader = ring ? new RingReader(ring, batches, spec.batchSize, data.shape, from) : batches;
    return { count: batches.perEpoch * spec.epochs, ready: () => undefined, at: (step) => reader.at(step) };
  }

  inOrder(): Supply {
    const { data } = this;
    const { batchSize } = this.spec;
    const at = (number: number): StepBatch => {
      const part = data.slice(number * batchSize, Math.min((number + 1) * batchSize, data.length));
      return { x: part.tensor().data, targets: { labels: Int32Array.from(part.labels) } };
    };
    return { count: Math.ceil(data.length / batchSize), ready: () => undefined, at };
  }
}
