/**
 * The batches of a run on a stream. Which samples a step gets depends on the run's seed and the step alone, so that a run goes
 * on in the middle of an epoch: by number through the same permutation as in memory; one after another through a buffer, from
 * the epoch's first sample on.
 */
import { Random, STREAMS } from '../base/random.js';
import { toPixels } from '../data/dataset.js';
import {
  type IteratedSource,
  inOrder,
  joinSamples,
  type RawSamples,
  readChecked,
  Samples,
  type StreamedDataset,
} from '../data/stream.js';
import { type BatchOptions, finishedBatch, type StepBatch } from './batches.js';

/** Makes the batches of steps. Steps are asked for in ascending order; a gap costs what lies in it. */
export class StreamBatches {
  #epoch = -1;
  #order: Uint32Array = new Uint32Array();
  #shuffled: Shuffled | undefined;

  constructor(
    private readonly stream: StreamedDataset,
    private readonly options: BatchOptions,
  ) {}

  /** @throws {DataError} when samples cannot be read. */
  async at(step: number): Promise<StepBatch> {
    const { stream, options } = this;
    const perEpoch = Math.ceil(stream.length / options.batchSize);
    const epoch = Math.floor(step / perEpoch);
    const from = (step % perEpoch) * options.batchSize;
    const count = Math.min(options.batchSize, stream.length - from);
    const { samples, numbers } = await this.#samples(epoch, from, count);
    const drawn = { x: toPixels(samples.images), shape: stream.shape, labels: samples.labels, numbers };
    return finishedBatch(options, drawn, { epoch, step });
  }

  /** Lets what the samples come from close what it has open. */
  async end(): Promise<void> {
    await this.#shuffled?.end();
    this.#shuffled = undefined;
  }

  async #samples(epoch: number, from: number, count: number): Promise<{ samples: RawSamples; numbers: Uint32Array }> {
    const { stream, options } = this;
    const { source } = stream;
    const isNew = epoch !== this.#epoch;
    this.#epoch = epoch;
    if ('read' in source) {
      if (isNew) this.#order = new Random(options.seed, STREAMS.order + epoch).permutation(stream.length);
      const numbers = this.#order.slice(from, from + count);
      return { samples: await readChecked(stream, source, numbers), numbers };
    }
    if (isNew) {
      await this.end();
      this.#shuffled = new Shuffled(stream, source, new Random(options.seed, STREAMS.order + epoch));
    }
    return (this.#shuffled as Shuffled).take(from, count);
  }
}

/** The samples of one epoch out of a buffer: each time one of those in it, whose place the next one takes. */
class Shuffled {
  readonly #samples: Samples;
  readonly #buffer: { number: number; sample: RawSamples }[] = [];
  #read = 0;
  #given = 0;

  constructor(
    private readonly stream: StreamedDataset,
    private readonly source: IteratedSource,
    private readonly random: Random,
  ) {
    this.#samples = new Samples(stream, source);
  }

  async take(from: number, count: number): Promise<{ samples: RawSamples; numbers: Uint32Array }> {
    while (this.#given < from) await this.#draw();
    const drawn = [];
    for (let i = 0; i < count; i++) drawn.push(await this.#draw());
    return {
      samples: joinSamples(drawn.map(({ sample }) => sample)),
      numbers: Uint32Array.from(drawn, ({ number }) => number),
    };
  }

  async #draw(): Promise<{ number: number; sample: RawSamples }> {
    while (this.#buffer.length < this.source.shuffleBuffer && this.#read < this.stream.length) {
      this.#buffer.push({ number: this.#read, sample: await this.#samples.next() });
      this.#read++;
    }
    const place = this.random.integer(this.#buffer.length);
    const drawn = this.#buffer[place];
    const last = this.#buffer.pop() as typeof drawn;
    if (place < this.#buffer.length) this.#buffer[place] = last;
    this.#given++;
    return drawn;
  }

  async end(): Promise<void> {
    await this.#samples.end();
  }
}

/** Batches of a stream in order, once. */
export class OrderedBatches {
  readonly #batches: AsyncGenerator<RawSamples, void, void>;

  constructor(stream: StreamedDataset, batchSize: number) {
    this.#batches = inOrder(stream, batchSize);
  }

  /** @throws {DataError} when samples cannot be read. */
  async next(): Promise<StepBatch> {
    const { images, labels } = (await this.#batches.next()).value as RawSamples;
    return { x: toPixels(images), targets: { labels } };
  }

  async end(): Promise<void> {
    await this.#batches.return();
  }
}
