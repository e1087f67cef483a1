/** A dataset from the caller's own arrays. */
import { checkInteger, checkKeys } from '../base/check.js';
import { DataError, ShapeError } from '../base/errors.js';
import { checkLabels, mostClasses } from '../base/labels.js';
import { checkTensor, type Tensor } from '../base/tensor.js';
import { allocate, Dataset } from './dataset.js';

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
  checkKeys('fromTensors', options, ['images', 'labels', 'classes', 'name', 'classNames']);
  const { images, labels, name = 'own data', classNames } = options;
  checkTensor('images', images, 4);
  const [count, channels, height, width] = images.shape;
  if (count === 0) throw new ShapeError('images: expected at least one image, got shape [0, ...]');
  if (options.classes !== undefined) checkInteger('classes', options.classes, { min: 2, max: mostClasses });
  checkLabels('labels', labels, options.classes, count);
  const classes = options.classes ?? 1 + Array.from(labels).reduce((a, b) => Math.max(a, b), 1);
  for (let i = 0; i < images.data.length; i++) {
    const pixel = images.data[i];
    // Negated, so that NaN is caught too.
    if (!(pixel >= 0 && pixel <= 1)) {
      throw new DataError(`images: expected pixels from 0 to 1, got ${pixel} at index ${i}`);
    }
  }
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
