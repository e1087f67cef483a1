/**
 * Ways to get a {@link Dataset}, or a stream of samples. What reads files is loaded with the first call, for most pages read
 * few formats or none.
 */
import type * as cifar from './cifar.js';
import type * as fashion from './fashionMnist.js';
import type * as iterable from './fromIterable.js';
import type * as idxFiles from './idx.js';
import type * as folder from './imageFolder.js';
import type * as archive from './npz.js';
import type * as houses from './svhn.js';

export type { Cifar10Options, Cifar100Options } from './cifar.js';
export type { FashionMnistOptions } from './fashionMnist.js';
export type { FromIterableOptions, Sample, SampleBatch, SampleIterable } from './fromIterable.js';
export { type FromTensorsOptions, fromTensors } from './fromTensors.js';
export type { IdxOptions } from './idx.js';
export type { ImageFolderOptions } from './imageFolder.js';
export type { NpzOptions } from './npz.js';
export type { SvhnOptions } from './svhn.js';
export { type SyntheticOptions, synthetic } from './synthetic.js';

/** A function that is loaded with its first call; what it takes and gives is that of `load`'s, overloads as well. */
function later<F extends (...args: never[]) => Promise<unknown>>(load: () => Promise<F>): F {
  return (async (...args) => (await load())(...args)) as F;
}

/**
 * The images of one split of CIFAR-10: binary files, plain or gzipped, or the pickled ones for Python, of which nothing is run.
 * Of the five training files, those that are there are taken; the dataset's name lists them.
 *
 * @throws {DataError} when no file of the split is there, or one is truncated, too long or holds a wrong label.
 */
export const cifar10: typeof cifar.cifar10 = later(async () => (await import('./cifar.js')).cifar10);

/**
 * The images of one split of CIFAR-100 (50,000 and 10,000): a binary file, plain or gzipped, or the pickled one for Python, of
 * which nothing is run.
 *
 * @throws {DataError} when the split's file is not there, truncated, too long or holds a wrong label.
 */
export const cifar100: typeof cifar.cifar100 = later(async () => (await import('./cifar.js')).cifar100);

/**
 * One split, from the four official files, plain or gzipped.
 *
 * @throws {DataError} when the split's files are not there, cannot be fetched, or are damaged.
 */
export const fashionMnist: typeof fashion.fashionMnist = later(
  async () => (await import('./fashionMnist.js')).fashionMnist,
);

/**
 * Grey images with labels from a pair of IDX files, plain or gzipped.
 *
 * @throws {DataError} when a file is missing, truncated, too long or not IDX, or the files do not fit each other.
 */
export const idx: typeof idxFiles.idx = later(async () => (await import('./idx.js')).idx);

/**
 * All images in the classes' folders and the folders in these; classes are those folders that hold one, sorted by name (by code
 * points). PNG needs the package `fast-png`, JPEG `jpeg-js`, which repeats colours that are stored in less detail where other
 * decoders interpolate: such images differ a little from what Pillow reads.
 *
 * @throws {DataError} naming the file that is damaged or of another size, or the folder where nothing is; {ConfigError} naming a
 *   package that is missing.
 */
export const imageFolder: typeof folder.imageFolder = later(async () => (await import('./imageFolder.js')).imageFolder);

/**
 * Images `[n, C, H, W]`, `[n, H, W, C]` where `layout` says so, or `[n, H, W]`, with one label each. Unsigned bytes and other
 * whole numbers are pixels from 0 to 255, floats pixels from 0 to 1.
 *
 * @throws {DataError} naming the file and the array when one is missing, damaged, of another type or shape, or holds a pixel or
 *   label out of range.
 */
export const npz: typeof archive.npz = later(async () => (await import('./npz.js')).npz);

/**
 * The images of one split: 73,257, 26,032 or 531,131 of 3 x 32 x 32, whichever are in the file; classes are the digits.
 *
 * @throws {DataError} when the file is not there, damaged, or holds something else.
 */
export const svhn: typeof houses.svhn = later(async () => (await import('./svhn.js')).svhn);

/**
 * @param samples an iterable, or a function that begins one anew, for each pass over the data. An iterator that is its own
 *   iterable (a generator) has one pass: a stream of it is enough for one epoch.
 * @throws {DataError}, {ShapeError} naming the sample that is wrong; {ConfigError} for wrong options.
 */
export const fromIterable: typeof iterable.fromIterable = later(
  async () => (await import('./fromIterable.js')).fromIterable,
);
