/** Labels of files and of callers as classes 0 to `classes - 1`: checked, or mapped where that is asked for. */
import { checkInteger } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { mostClasses } from '../base/labels.js';

/** What callers say about labels. */
export interface LabelOptions {
  /** How many classes there are; the highest label + 1, at least 2, when left out. */
  classes?: number;
  /**
   * Labels may be any whole numbers: the distinct ones, in ascending order, become 0, 1, ... and, unless there are other
   * `classNames`, the names of their classes. False by default: a label that is no class is an error.
   */
  mapLabels?: boolean;
  /** What each class shows. */
  classNames?: string[];
}

/** Keys of {@link LabelOptions}. */
export const labelKeys = ['classes', 'mapLabels', 'classNames'];

/** Labels and their classes, as a dataset wants them. */
export interface ClassLabels {
  labels: Int32Array;
  classes: number;
  classNames?: string[];
}

/**
 * @param name of the file or argument that they are from.
 * @throws {DataError} naming it and the sample for a label that is no class; {ConfigError} for options that do not fit.
 */
export function classLabels(name: string, given: ArrayLike<number>, options: LabelOptions): ClassLabels {
  const { mapLabels = false, classNames } = options;
  if (typeof mapLabels !== 'boolean') throw new ConfigError(`mapLabels: expected true or false, got ${mapLabels}`);
  if (options.classes !== undefined) checkInteger('classes', options.classes, { min: 2, max: mostClasses });
  const distinct = new Set<number>();
  for (let i = 0; i < given.length; i++) {
    const label = given[i];
    if (!Number.isSafeInteger(label)) {
      throw new DataError(`${name}: expected whole numbers as labels, found ${label} at index ${i}`);
    }
    distinct.add(label);
  }
  const present = Float64Array.from(distinct).sort();
  const found = mapLabels ? present.length : 1 + (present.at(-1) ?? 0);
  const classes = options.classes ?? Math.max(2, found);
  if (mapLabels) {
    if (present.length > classes) {
      throw new DataError(`${name}: expected at most ${classes} different labels, found ${present.length}`);
    }
    if (present.length < classes && classNames === undefined) {
      throw new DataError(`${name}: expected ${classes} different labels to map, found ${present.join(', ')}`);
    }
    const place = new Map(Array.from(present, (label, i) => [label, i]));
    const labels = Int32Array.from(given, (label) => place.get(label) as number);
    return { labels, classes, classNames: classNames ?? Array.from(present, String) };
  }
  for (let i = 0; i < given.length; i++) {
    if (given[i] < 0 || given[i] >= classes || given[i] >= mostClasses) {
      throw new DataError(
        `${name}: expected labels from 0 to ${Math.min(classes, mostClasses) - 1}, found ${given[i]} at index ${i}; ` +
          'mapLabels: true takes labels of other ranges',
      );
    }
  }
  return { labels: Int32Array.from(given), classes, classNames };
}
