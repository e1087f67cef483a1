/**
 * Labelled images that are read a few at a time, so that a set may be larger than the memory. What they come from is one of
 * two: samples that can be asked for by number, which are shuffled exactly; or samples one after another, which are shuffled
 * through a buffer.
 */
import { checkInteger } from '../base/check.js';
import { DataError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import { type Batch, Dataset, emptyImages, toPixels } from './dataset.js';

/** Samples as they are kept: pixels as bytes or in [0, 1], one image after another. */
export interface RawSamples {
  images: Uint8Array | Float32Array;
  labels: Int32Array;
}

/** Samples by number. */
export interface IndexedSource {
  read(numbers: ArrayLike<number>): Promise<RawSamples>;
}

/** Samples in their own order. */
export interface IteratedSource {
  /** Begins again, with the first one. Each gives one sample. */
  start(): AsyncIterator<RawSamples>;
  /** Whether it can begin more than once. */
  restarts: boolean;
  /** Among how many samples the next one is drawn in training. */
  shuffleBuffer: number;
}

/** What a stream is made of. */
export interface StreamFields {
  name: string;
  /** `[C, H, W]` of one image. */
  shape: [number, number, number];
  classes: number;
  classNames?: string[];
  /** Samples of an epoch. */
  length: number;
  source: IndexedSource | IteratedSource;
}

/** What every stream answers to, of this copy of the package or another. */
const BRAND = Symbol.for('kwta.StreamedDataset');
const FORM = 1;

/** Whether `data` is a stream, of this copy of the package or another. */
export function isStream(data: unknown): data is StreamedDataset {
  return typeof data === 'object' && data !== null && (data as { [BRAND]?: unknown })[BRAND] === FORM;
}

/**
 * Labelled images that are read as they are needed: `fit` trains on them. What needs a set in memory (validation, attacks)
 * takes `load(n)`.
 */
export class StreamedDataset implements StreamFields {
  /** Of the set, in messages and reports. */
  readonly name: string;
  /** `[C, H, W]` of every image. */
  readonly shape: [number, number, number];
  /** How many there are. */
  readonly classes: number;
  /** One for each class, where they are known. */
  readonly classNames?: string[];
  /** Images of an epoch. */
  readonly length: number;
  /** @internal */
  readonly source: IndexedSource | IteratedSource;

  /** Made by `datasets.*` with `stream: true`. */
  constructor({ name, shape, classes, classNames, length, source }: StreamFields) {
    this.name = name;
    this.shape = shape;
    this.classes = classes;
    this.classNames = classNames;
    this.length = length;
    this.source = source;
  }

  /** @internal */
  get [BRAND](): number {
    return FORM;
  }

  /** The images in order, `n` at a time; the last batch may be smaller. @throws {DataError} */
  async *batches(n: number): AsyncGenerator<Batch, void, void> {
    checkInteger('batches(n)', n, { min: 1 });
    for await (const { images, labels } of inOrder(this, n)) {
      yield { x: { shape: [labels.length, ...this.shape], data: toPixels(images) }, labels };
    }
  }

  /** The first `n` images in memory; all when left out. @throws {DataError} */
  async load(n: number = this.length): Promise<Dataset> {
    checkInteger('load(n)', n, { min: 1, max: this.length });
    const { name, shape, classes, classNames } = this;
    const size = shape[0] * shape[1] * shape[2];
    let images: Uint8Array | Float32Array | undefined;
    const labels = new Int32Array(n);
    let at = 0;
    for await (const part of inOrder(this, Math.min(n, loadedTogether))) {
      const count = Math.min(part.labels.length, n - at);
      images ??= emptyImages(part.images, n * size);
      images.set(part.images.subarray(0, count * size), at * size);
      labels.set(part.labels.subarray(0, count), at);
      at += count;
      if (at === n) break;
    }
    return new Dataset({ name, shape, classes, classNames, images: images as Uint8Array, labels });
  }
}

const loadedTogether = 256;

/** The samples of a stream in order, `n` together. @throws {DataError} when there are fewer, or a label is no class. */
export async function* inOrder(stream: StreamedDataset, n: number): AsyncGenerator<RawSamples, void, void> {
  const { length, source } = stream;
  const next = 'read' in source ? undefined : new Samples(stream, source);
  try {
    for (let from = 0; from < length; from += n) {
      const count = Math.min(n, length - from);
      const numbers = Uint32Array.from({ length: count }, (_, i) => from + i);
      yield 'read' in source
        ? await readChecked(stream, source, numbers)
        : joinSamples(await taken(next as Samples, count));
    }
  } finally {
    await next?.end();
  }
}

async function taken(samples: Samples, count: number): Promise<RawSamples[]> {
  const all: RawSamples[] = [];
  for (let i = 0; i < count; i++) all.push(await samples.next());
  return all;
}

/** Samples by number, with their labels checked. @throws {DataError} */
export async function readChecked(
  { name, classes }: StreamedDataset,
  source: IndexedSource,
  numbers: ArrayLike<number>,
): Promise<RawSamples> {
  const samples = await source.read(numbers);
  const wrong = samples.labels.findIndex((label) => label < 0 || label >= classes);
  if (wrong >= 0) {
    throw new DataError(
      `${name}: expected labels from 0 to ${classes - 1}, found ${samples.labels[wrong]} in sample ${numbers[wrong]}`,
    );
  }
  return samples;
}

/** The samples of one pass, one after another. */
export class Samples {
  #number = 0;
  readonly #iterator: AsyncIterator<RawSamples>;

  constructor(
    private readonly stream: StreamedDataset,
    source: IteratedSource,
  ) {
    this.#iterator = source.start();
  }

  /** @throws {DataError} when there is none left, or its label is no class. */
  async next(): Promise<RawSamples> {
    const { name, length, classes } = this.stream;
    const { done, value } = await this.#iterator.next();
    if (done) throw new DataError(`${name}: expected ${length} samples, as its length says, found ${this.#number}`);
    checkLabels(`${name}: sample ${this.#number}`, value.labels, classes);
    this.#number++;
    return value;
  }

  /** Lets what the samples come from close what it has open. */
  async end(): Promise<void> {
    await this.#iterator.return?.();
  }
}

/** Several samples in one. */
export function joinSamples(samples: readonly RawSamples[]): RawSamples {
  const size = samples[0].images.length / samples[0].labels.length;
  const count = samples.reduce((sum, { labels }) => sum + labels.length, 0);
  const images = emptyImages(samples[0].images, count * size);
  const labels = new Int32Array(count);
  let at = 0;
  for (const sample of samples) {
    images.set(sample.images, at * size);
    labels.set(sample.labels, at);
    at += sample.labels.length;
  }
  return { images, labels };
}
