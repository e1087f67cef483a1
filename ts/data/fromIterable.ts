/** A dataset from whatever gives samples or batches one after another: collected in memory, or as a stream. */
import { checkInteger, checkKeys } from '../base/check.js';
import { ConfigError, DataError, ShapeError } from '../base/errors.js';
import { checkTensor, describe, shapeText, type Tensor } from '../base/tensor.js';
import { classLabels, type LabelOptions, labelKeys } from './classLabels.js';
import { Dataset } from './dataset.js';
import { checkPixels } from './pixels.js';
import { joinSamples, type RawSamples, StreamedDataset } from './stream.js';

/** One sample: an image `[C, H, W]`, pixels in [0, 1], and its label. */
export interface Sample {
  /** `[C, H, W]`. */
  x: Tensor;
  /** A whole number from 0. */
  label: number;
}

/** Several: images `[n, C, H, W]`, and one label for each. */
export interface SampleBatch {
  /** `[n, C, H, W]`. */
  x: Tensor;
  /** `n` of them. */
  labels: ArrayLike<number>;
}

/** Gives samples, or batches of whatever sizes. */
export type SampleIterable = Iterable<Sample | SampleBatch> | AsyncIterable<Sample | SampleBatch>;

/** Options of {@link fromIterable}. */
export interface FromIterableOptions extends LabelOptions {
  /** Of the set, in messages and reports. */
  name?: string;
  /**
   * Takes samples as they are needed: then `length`, `shape` and `classes` have to be given. False by default: all are collected
   * at once.
   */
  stream?: boolean;
  /** Samples of an epoch, >= 1; what there is beyond is not asked for. For a stream. */
  length?: number;
  /** `[C, H, W]` of every image; of the first one when left out. */
  shape?: [number, number, number];
  /** Among how many samples the next one is drawn in training, >= 1; 1,024 by default. For a stream, which holds so many. */
  shuffleBuffer?: number;
}

/** See `fromIterable` in index.ts. */
export function fromIterable(
  samples: SampleIterable | (() => SampleIterable),
  options: FromIterableOptions & { stream: true },
): Promise<StreamedDataset>;
export function fromIterable(
  samples: SampleIterable | (() => SampleIterable),
  options?: FromIterableOptions & { stream?: false },
): Promise<Dataset>;
export async function fromIterable(
  samples: SampleIterable | (() => SampleIterable),
  options: FromIterableOptions = {},
): Promise<Dataset | StreamedDataset> {
  checkKeys('fromIterable', options, ['name', 'stream', 'length', 'shape', 'shuffleBuffer', ...labelKeys]);
  const { name = 'own data', stream, shape } = options;
  if (stream !== undefined && typeof stream !== 'boolean') {
    throw new ConfigError(`stream: expected true or false, got ${describe(stream)}`);
  }
  if (typeof samples !== 'function') checkIterable(samples);
  if (shape !== undefined) checkShape(shape);
  if (stream) return streamOf(samples, name, options);
  for (const key of ['length', 'shuffleBuffer'] as const) {
    if (options[key] !== undefined) throw new ConfigError(`${key}: expected stream: true with it`);
  }
  const reader = new Reader(name, shape);
  const parts: RawSamples[] = [];
  const given: number[] = [];
  for await (const sample of reader.read(begin(samples))) {
    parts.push(sample);
    for (const label of sample.labels) given.push(label);
  }
  if (reader.shape === undefined) throw new DataError(`${name}: expected at least one sample, found none`);
  const { images } = joinSamples(parts);
  return new Dataset({ name, shape: reader.shape, images, ...classLabels(name, given, options) });
}

const usualBuffer = 1024;

function streamOf(
  samples: SampleIterable | (() => SampleIterable),
  name: string,
  { length, shape, classes, classNames, mapLabels, shuffleBuffer = usualBuffer }: FromIterableOptions,
): StreamedDataset {
  checkInteger('length', length, { min: 1 });
  checkInteger('classes', classes, { min: 2 });
  checkInteger('shuffleBuffer', shuffleBuffer, { min: 1 });
  if (shape === undefined) throw new ConfigError('shape: expected [C, H, W] of the images of a stream, got undefined');
  if (mapLabels)
    throw new ConfigError('mapLabels: expected labels that are classes for a stream, which does not know them all');
  return new StreamedDataset({
    name,
    shape,
    classes,
    classNames,
    length,
    source: {
      start: () => new Reader(name, shape).read(begin(samples)),
      restarts: typeof samples === 'function' || !isOnce(samples),
      shuffleBuffer,
    },
  });
}

/** An iterable that gives itself has one pass. */
function isOnce(samples: SampleIterable): boolean {
  return 'next' in samples;
}

function begin(samples: SampleIterable | (() => SampleIterable)): SampleIterable {
  const iterable = typeof samples === 'function' ? samples() : samples;
  checkIterable(iterable);
  return iterable;
}

function checkIterable(samples: unknown): void {
  const isIterable =
    typeof samples === 'object' && samples !== null && (Symbol.iterator in samples || Symbol.asyncIterator in samples);
  if (!isIterable) {
    throw new ConfigError(`samples: expected an iterable, or a function that returns one, got ${describe(samples)}`);
  }
}

function checkShape(shape: unknown): void {
  const fits =
    Array.isArray(shape) && shape.length === 3 && shape.every((extent) => Number.isInteger(extent) && extent >= 1);
  if (!fits) throw new ConfigError(`shape: expected [C, H, W] of whole numbers >= 1, got ${describe(shape)}`);
}

/** Checks what comes, and cuts batches into samples. */
class Reader {
  #number = 0;

  constructor(
    private readonly name: string,
    public shape?: [number, number, number],
  ) {}

  async *read(samples: SampleIterable): AsyncGenerator<RawSamples, void, void> {
    for await (const item of samples) {
      const place = `${this.name}: sample ${this.#number}`;
      const { x, labels, shape } = this.#parts(place, item);
      this.shape ??= shape;
      if (shapeText(shape) !== shapeText(this.shape)) {
        throw new ShapeError(`${place}: expected an image ${shapeText(this.shape)}, got ${shapeText(shape)}`);
      }
      const size = shape[0] * shape[1] * shape[2];
      checkPixels(place, x.data, size, this.#number);
      for (const [i, label] of labels.entries()) {
        this.#number++;
        // A copy, for whoever makes samples may use their memory again.
        yield { images: x.data.slice(i * size, (i + 1) * size), labels: Int32Array.of(label) };
      }
    }
  }

  #parts(place: string, item: Sample | SampleBatch): { x: Tensor; labels: number[]; shape: [number, number, number] } {
    if (typeof item !== 'object' || item === null || !('label' in item || 'labels' in item)) {
      throw new DataError(`${place}: expected { x, label } or { x, labels }, got ${describe(item)}`);
    }
    const isBatch = 'labels' in item;
    checkTensor(`${place}: x`, item.x, isBatch ? 4 : 3);
    const [c, h, w] = isBatch ? item.x.shape.slice(1) : item.x.shape;
    const labels = isBatch ? Array.from(item.labels) : [item.label];
    if (isBatch && labels.length !== item.x.shape[0]) {
      throw new ShapeError(`${place}: labels: expected ${item.x.shape[0]}, one for each image, got ${labels.length}`);
    }
    for (const label of labels) {
      if (!Number.isInteger(label) || Math.abs(label) >= 2 ** 31) {
        throw new DataError(`${place}: expected a whole number as a label, got ${describe(label)}`);
      }
    }
    return { x: item.x, labels, shape: [c, h, w] };
  }
}
