/**
 * Labelled images in memory: `[length, C, H, W]` pixels in [0, 1], kept as bytes (pixel / 255) or floats.
 *
 * The arrays lie in shared memory where the platform has it, so that posting a dataset to a worker copies nothing.
 * `take` and `slice` are views; `shuffle` and `subset` copy once, so `images` is always sample after sample.
 */
import { isFloat32Array, isInt32Array, isShared, isUint8Array } from '../base/arrays.js';
import { compact } from '../base/compact.js';
import { ConfigError, ShapeError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import { Random, STREAMS } from '../base/random.js';
import { describe, shapeText, type Tensor } from '../base/tensor.js';

/** What a dataset is made of; also its form for posting between workers. */
export interface DatasetFields {
  /** For messages and reports. */
  name: string;
  /** `[C, H, W]` of one image. */
  shape: [number, number, number];
  /** How many classes there are; labels are 0 to `classes - 1`. */
  classes: number;
  /** All images, one after another, channels first. A byte `b` means the pixel `b / 255`. */
  images: Uint8Array | Float32Array;
  /** One label per image. */
  labels: Int32Array;
  /** What each class shows. */
  classNames?: string[];
}

/** Part of a dataset, ready for a model. */
export interface Batch {
  /** `[n, C, H, W]`, pixels in [0, 1]. */
  x: Tensor;
  labels: Int32Array;
}

// Division, not multiplication by 1/255: the correctly rounded value, as other frameworks give it.
const PIXEL_OF_BYTE = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/**
 * What every dataset answers to, of this copy of the package or another, with the version of its form. A class would
 * know those of one copy alone.
 */
const BRAND = Symbol.for('kwta.Dataset');
const FORM = 1;

/** @throws {ConfigError} unless `data` is a dataset, of this copy of the package or another. */
export function checkDataset(argument: string, data: unknown): asserts data is Dataset {
  const brand = typeof data === 'object' && data !== null ? (data as { [BRAND]?: unknown })[BRAND] : undefined;
  if (brand !== FORM) {
    throw new ConfigError(`${argument}: expected a dataset made by datasets.*, got ${describe(data)}`);
  }
}

/** Labelled images; see the functions in `datasets` for ways to get one. */
export class Dataset implements DatasetFields {
  readonly name: string;
  readonly shape: [number, number, number];
  readonly classes: number;
  readonly images: Uint8Array | Float32Array;
  readonly labels: Int32Array;
  readonly classNames?: string[];

  /**
   * @throws {ShapeError} when shape, images and labels do not fit each other.
   * @throws {DataError} when a label is out of range.
   */
  constructor(fields: DatasetFields) {
    const { name, shape, classes, images, labels, classNames } = fields;
    if (
      !Array.isArray(shape) ||
      shape.length !== 3 ||
      shape.some((extent) => !Number.isInteger(extent) || extent < 1)
    ) {
      const got = Array.isArray(shape) ? shapeText(shape) : describe(shape);
      throw new ShapeError(`${name}: expected shape [C, H, W] of whole numbers >= 1, got ${got}`);
    }
    if (!isUint8Array(images) && !isFloat32Array(images)) {
      throw new ShapeError(`${name}: images: expected a Uint8Array or a Float32Array, got ${describe(images)}`);
    }
    if (!isInt32Array(labels)) throw new ShapeError(`${name}: labels: expected an Int32Array, got ${describe(labels)}`);
    if (!Number.isInteger(classes) || classes < 2) {
      throw new ConfigError(`${name}: classes: expected a whole number >= 2, got ${classes}`);
    }
    const size = shape[0] * shape[1] * shape[2];
    if (images.length !== labels.length * size) {
      throw new ShapeError(
        `${name}: ${labels.length} labels and shape ${shapeText(shape)} need ${labels.length * size} pixels, ` +
          `got ${images.length}`,
      );
    }
    if (classNames !== undefined && classNames.length !== classes) {
      throw new ShapeError(`${name}: classNames: expected ${classes} names, got ${classNames.length}`);
    }
    checkLabels(`${name}: labels`, labels, classes);
    this.name = name;
    this.shape = [...shape];
    this.classes = classes;
    // Made anew, for a Buffer given as bytes has methods of its own.
    const place = sharedPlace(images);
    this.images = isFloat32Array(images) ? new Float32Array(...place) : new Uint8Array(...place);
    this.labels = new Int32Array(...sharedPlace(labels));
    this.classNames = classNames;
  }

  /** A dataset from what `toPlain` gave, in another worker. */
  static fromPlain(fields: DatasetFields): Dataset {
    return new Dataset(fields);
  }

  /** Plain fields for `postMessage`. The arrays stay shared where the platform can share them. */
  toPlain(): DatasetFields {
    const { name, shape, classes, classNames } = this;
    return { name, shape, classes, images: compact(this.images), labels: compact(this.labels), classNames };
  }

  /** @internal */
  get [BRAND](): number {
    return FORM;
  }

  /** Number of images. */
  get length(): number {
    return this.labels.length;
  }

  /** The first `n` images; a view. */
  take(n: number): Dataset {
    if (!Number.isInteger(n) || n < 1 || n > this.length) {
      throw new ConfigError(
        `take(n): expected a whole number from 1 to ${this.length} (the images of ${this.name}), got ${describe(n)}`,
      );
    }
    return this.slice(0, n);
  }

  /** The images from `start` up to, not including, `end`; a view. */
  slice(start: number, end: number = this.length): Dataset {
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end <= start || end > this.length) {
      throw new ConfigError(
        `slice(start, end): expected whole numbers with 0 <= start < end <= ${this.length}, ` +
          `got ${describe(start)} and ${describe(end)}`,
      );
    }
    const size = this.#imageSize();
    return this.#with(this.images.subarray(start * size, end * size), this.labels.subarray(start, end));
  }

  /** The images with these numbers, in this order; a copy. */
  subset(indices: ArrayLike<number>): Dataset {
    if (indices.length === 0) throw new ConfigError('subset(indices): expected at least one index, got none');
    const size = this.#imageSize();
    const labels = new Int32Array(allocate(4 * indices.length));
    const images = emptyImages(this.images, indices.length * size);
    for (let i = 0; i < indices.length; i++) {
      const from = this.#checkIndex('subset(indices)', indices[i]);
      labels[i] = this.labels[from];
      images.set(this.images.subarray(from * size, (from + 1) * size), i * size);
    }
    return this.#with(images, labels);
  }

  /** All images in random order, the same on every platform; a copy. */
  shuffle(seed: number): Dataset {
    return this.subset(new Random(seed, STREAMS.shuffle).permutation(this.length));
  }

  /** Images as a tensor `[n, C, H, W]`: all, or those with the given numbers. */
  tensor(indices?: ArrayLike<number>): Tensor {
    const size = this.#imageSize();
    if (indices === undefined) {
      return { shape: [this.length, ...this.shape], data: toPixels(this.images) };
    }
    const data = new Float32Array(indices.length * size);
    for (let i = 0; i < indices.length; i++) {
      const from = this.#checkIndex('tensor(indices)', indices[i]);
      copyPixels(this.images, from * size, size, data, i * size);
    }
    return { shape: [indices.length, ...this.shape], data };
  }

  /** The images in order, `n` at a time; the last batch may be smaller. */
  *batches(n: number): IterableIterator<Batch> {
    if (!Number.isInteger(n) || n < 1) {
      throw new ConfigError(`batches(n): expected a whole number >= 1, got ${describe(n)}`);
    }
    for (let start = 0; start < this.length; start += n) {
      const part = this.slice(start, Math.min(start + n, this.length));
      yield { x: part.tensor(), labels: Int32Array.from(part.labels) };
    }
  }

  #imageSize(): number {
    return this.shape[0] * this.shape[1] * this.shape[2];
  }

  #checkIndex(argument: string, index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new ConfigError(`${argument}: expected whole numbers from 0 to ${this.length - 1}, got ${describe(index)}`);
    }
    return index;
  }

  #with(images: Uint8Array | Float32Array, labels: Int32Array): Dataset {
    const { name, shape, classes, classNames } = this;
    return new Dataset({ name, shape, classes, images, labels, classNames });
  }
}

type NumberArray = Uint8Array | Int32Array | Float32Array;

/** Zeroed memory for a dataset's arrays: shared where the platform has it (in browsers, on isolated pages). */
export function allocate(bytes: number): ArrayBufferLike {
  return canShare() ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes);
}

function canShare(): boolean {
  return typeof SharedArrayBuffer !== 'undefined';
}

/** Where the bytes of `array` lie in shared memory: copied there unless they are, or cannot be. */
function sharedPlace(array: NumberArray): [buffer: ArrayBufferLike, byteOffset: number, length: number] {
  const { buffer, byteOffset, byteLength, length } = array;
  if (!canShare() || isShared(array)) return [buffer, byteOffset, length];
  const copy = allocate(byteLength);
  new Uint8Array(copy).set(new Uint8Array(buffer, byteOffset, byteLength));
  return [copy, 0, length];
}

/** Memory for `length` pixels of the kind that `like` has. */
export function emptyImages(like: Uint8Array | Float32Array, length: number): Uint8Array | Float32Array {
  const buffer = allocate(like.BYTES_PER_ELEMENT * length);
  return isUint8Array(like) ? new Uint8Array(buffer) : new Float32Array(buffer);
}

/** Pixels in [0, 1]. */
export function toPixels(images: Uint8Array | Float32Array): Float32Array {
  const data = new Float32Array(images.length);
  copyPixels(images, 0, images.length, data, 0);
  return data;
}

function copyPixels(from: Uint8Array | Float32Array, start: number, count: number, to: Float32Array, at: number): void {
  if (isFloat32Array(from)) {
    to.set(from.subarray(start, start + count), at);
    return;
  }
  for (let i = 0; i < count; i++) to[at + i] = PIXEL_OF_BYTE[from[start + i]];
}
