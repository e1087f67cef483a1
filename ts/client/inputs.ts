/** Checks of what users hand to a model: samples, labels. */
import { DataError, ShapeError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import { checkFinite, checkTensor, type Tensor } from '../base/tensor.js';
import type { ModelInfo } from '../engine/protocol.js';

/** @throws {ShapeError} unless `x` is `[n, C, H, W]` of the model's input; {DataError} unless it is finite. */
export function checkInput({ input }: ModelInfo, x: Tensor): void {
  checkTensor('x', x, 4);
  const expected = ['n', ...input];
  if (x.shape[0] < 1 || input.some((extent, i) => x.shape[i + 1] !== extent)) {
    throw new ShapeError(`x: expected shape [${expected.join(', ')}] with n >= 1, got [${x.shape.join(', ')}]`);
  }
  checkFinite('x', x);
}

/** The labels of `x`, one for each sample. @throws {ShapeError}, {DataError} */
export function checkedLabels(
  { classes }: ModelInfo,
  labels: ArrayLike<number>,
  x: Tensor,
  argument = 'labels',
): Int32Array {
  checkLabels(argument, labels, classes, x.shape[0]);
  return Int32Array.from(labels);
}

/** @throws {DataError} unless every pixel is in [0, 1]. */
export function checkPixels(x: Tensor): void {
  for (let i = 0; i < x.data.length; i++) {
    if (x.data[i] < 0 || x.data[i] > 1) {
      throw new DataError(`attack.x: expected pixels from 0 to 1, got ${x.data[i]} at index ${i}`);
    }
  }
}
