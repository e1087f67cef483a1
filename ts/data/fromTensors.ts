/** A dataset from the caller's own arrays. */
import { checkInteger, checkKeys } from '../base/check.js';
import { ShapeError } from '../base/errors.js';
import { checkLabels, mostClasses } from '../base/labels.js';
import { checkTensor, type Tensor } from '../base/tensor.js';
import { classLabels, type LabelOptions, labelKeys } from './classLabels.js';
import { allocate, Dataset } from './dataset.js';
import { checkPixels } from './pixels.js';

/** Images and labels of the caller's own. */
export interface FromTensorsOptions extends LabelOptions {
  /** `[n, C, H, W]`, pixels in [0, 1]. */
  images: Tensor;
  /** One label per image, from 0 to `classes - 1` unless they are to be mapped. */
  labels: ArrayLike<number>;
  /** Of the set, in messages and reports. */
  name?: string;
}

/**
 * A dataset of these images (copied) and labels.
 *
 * @throws {ShapeError} when the shapes are wrong or do not fit each other.
 * @throws {DataError} when a pixel is not in [0, 1] or a label is out of range.
 */
export function fromTensors(options: FromTensorsOptions): Dataset {
  checkKeys('fromTensors', options, ['images', 'labels', 'name', ...labelKeys]);
  const { images, labels, name = 'own data' } = options;
  checkTensor('images', images, 4);
  const [count, channels, height, width] = images.shape;
  if (count === 0) throw new ShapeError('images: expected at least one image, got shape [0, ...]');
  if (options.classes !== undefined) checkInteger('classes', options.classes, { min: 2, max: mostClasses });
  // Those that are mapped may be any whole numbers, but as many.
  if (options.mapLabels !== true || labels?.length !== count) checkLabels('labels', labels, options.classes, count);
  const classes = classLabels('labels', labels, options);
  checkPixels('images', images.data, channels * height * width);
  const pixels = new Float32Array(allocate(images.data.byteLength));
  pixels.set(images.data);
  return new Dataset({
    name,
    shape: [channels, height, width],
    images: pixels,
    ...classes,
  });
}
