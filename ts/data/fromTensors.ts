/** A dataset from the caller's own arrays. */
import { ConfigError, DataError, ShapeError } from '../base/errors.js';
import { checkTensor, describe, type Tensor } from '../base/tensor.js';
import { allocate, checkLabels, Dataset } from './dataset.js';

/** Images and labels of the caller's own. */
export interface FromTensorsOptions {
  /** `[n, C, H, W]`, pixels in [0, 1]. */
  images: Tensor;
  /** One label per image, from 0 to `classes - 1`. */
  labels: ArrayLike<number>;
  /** How many classes there are; the highest label + 1, at least 2, when left out. */
  classes?: number;
  name?: string;
  classNames?: string[];
}

/**
 * A dataset of these images (copied) and labels.
 *
 * @throws {ShapeError} when the shapes are wrong or do not fit each other.
 * @throws {DataError} when a pixel is not in [0, 1] or a label is out of range.
 */
export function fromTensors(options: FromTensorsOptions): Dataset {
  const { images, labels, name = 'own data', classNames } = options;
  checkTensor('images', images, 4);
  if (typeof labels !== 'object' || labels === null || typeof labels.length !== 'number') {
    throw new ShapeError(`labels: expected an array of numbers, got ${describe(labels)}`);
  }
  const [count, channels, height, width] = images.shape;
  if (count === 0) throw new ShapeError('images: expected at least one image, got shape [0, ...]');
  if (labels.length !== count) {
    throw new ShapeError(`labels: expected ${count}, one for each image, got ${labels.length}`);
  }
  for (let i = 0; i < images.data.length; i++) {
    const pixel = images.data[i];
    // Negated, so that NaN is caught too.
    if (!(pixel >= 0 && pixel <= 1)) {
      throw new DataError(`images: expected pixels from 0 to 1, got ${pixel} at index ${i}`);
    }
  }
  const classes = options.classes ?? inferClasses(labels);
  if (!Number.isInteger(classes) || classes < 2) {
    throw new ConfigError(`classes: expected a whole number >= 2, got ${describe(classes)}`);
  }
  checkLabels('labels', labels, classes);
  const pixels = new Float32Array(allocate(images.data.byteLength));
  pixels.set(images.data);
  return new Dataset({
    name,
    shape: [channels, height, width],
    classes,
    images: pixels,
    labels: Int32Array.from(labels),
    classNames,
  });
}

function inferClasses(labels: ArrayLike<number>): number {
  let highest = 1;
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!Number.isInteger(label) || label < 0) {
      throw new DataError(`labels: expected whole numbers >= 0, got ${describe(label)} at index ${i}`);
    }
    highest = Math.max(highest, label);
  }
  return highest + 1;
}
