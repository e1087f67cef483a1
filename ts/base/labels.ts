/** The one check of class numbers. They are kept as 32-bit integers. */
import { DataError, ShapeError } from './errors.js';
import { describe } from './tensor.js';

/** Most classes that labels can tell apart. */
export const mostClasses = 2 ** 31;

/**
 * Checks that labels are plain numbers, whole, from 0 to `classes - 1`.
 *
 * @param argument names them in messages.
 * @param classes how many classes there are; as many as can be kept when left out.
 * @param count how many labels there must be; any number when left out.
 * @throws {ShapeError} when they are no array, or not as many; {DataError} naming the first bad one and its index.
 */
export function checkLabels(
  argument: string,
  labels: unknown,
  classes: number = mostClasses,
  count?: number,
): asserts labels is ArrayLike<number> {
  const given = labels as ArrayLike<unknown> | null | undefined;
  if (typeof given !== 'object' || typeof given?.length !== 'number') {
    throw new ShapeError(`${argument}: expected an array of numbers, got ${describe(labels)}`);
  }
  if (count !== undefined && given.length !== count) {
    throw new ShapeError(`${argument}: expected ${count}, one for each sample, got ${given.length}`);
  }
  for (let i = 0; i < given.length; i++) {
    const label = given[i];
    if (!Number.isInteger(label) || (label as number) < 0 || (label as number) >= classes) {
      throw new DataError(
        `${argument}: expected whole numbers from 0 to ${classes - 1}, got ${describe(label)} at index ${i}`,
      );
    }
  }
}
