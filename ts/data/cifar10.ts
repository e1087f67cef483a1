/**
 * CIFAR-10 in its official binary layout: files of 10,000 records, each a label byte followed by 3,072 pixel bytes
 * (the red, the green, then the blue plane of 32 x 32).
 */
import { checkChoice, checkKeys } from '../base/check.js';
import { DataError } from '../base/errors.js';
import { checkPath, isUrl } from '../base/paths.js';
import { allocate, Dataset } from './dataset.js';
import { join, readSourceIfExists, type SourceFile } from './source.js';

/** Where CIFAR-10 is and which part of it to read. */
export interface Cifar10Options {
  /** The folder (Node) or base URL of the `.bin` files, or the one above their `cifar-10-batches-bin`. */
  dir: string | URL;
  split: 'train' | 'test';
}

const CLASSES = 10;
const RECORDS = 10_000;
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;
/** Bytes of class names, generously. */
const LONGEST_NAMES = 2 ** 16;
const FILES = {
  train: [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}`),
  test: ['test_batch'],
};

/**
 * The images of one split, plain or gzipped. Of the five training files, those that are there are taken; the
 * dataset's name lists them.
 *
 * @throws {DataError} when no file of the split is there, or one is truncated, too long or holds a wrong label.
 */
export async function cifar10(options: Cifar10Options): Promise<Dataset> {
  checkKeys('cifar10', options, ['dir', 'split']);
  const { dir, split } = options;
  checkPath('dir', dir);
  checkChoice('split', split, ['train', 'test']);
  const found =
    (await findFiles(dir, FILES[split])) ?? (await findFiles(join(dir, 'cifar-10-batches-bin'), FILES[split]));
  if (found === undefined) {
    throw new DataError(
      `dir: expected ${FILES[split].map((file) => `${file}.bin`).join(', ')} (plain or .gz) in ${String(dir)} ` +
        'or its cifar-10-batches-bin, found none',
    );
  }
  const { files, names, classNames } = found;
  const labels = new Int32Array(allocate(4 * RECORDS * files.length));
  const images = new Uint8Array(allocate(PIXELS * RECORDS * files.length));
  for (const [part, file] of files.entries()) unpack(file, part * RECORDS, labels, images);
  return new Dataset({
    name: `CIFAR-10 ${split}${names.length < FILES[split].length ? ` (only ${names.join(', ')})` : ''}`,
    shape: [3, 32, 32],
    classes: CLASSES,
    images,
    labels,
    classNames,
  });
}

interface Found {
  files: SourceFile[];
  names: string[];
  classNames?: string[];
}

async function findFiles(folder: string | URL, wanted: string[]): Promise<Found | undefined> {
  const read = await Promise.all(wanted.map((name) => readPlainOrZipped(join(folder, `${name}.bin`))));
  const names = wanted.filter((_, i) => read[i] !== undefined);
  if (names.length === 0) return undefined;
  return { files: read.filter((file) => file !== undefined), names, classNames: await readClassNames(folder) };
}

const fileLength = (): number => RECORDS * RECORD;

async function readPlainOrZipped(path: string | URL): Promise<SourceFile | undefined> {
  return (
    (await readSourceIfExists('dir', path, fileLength)) ??
    readSourceIfExists('dir', isUrl(path) ? new URL(`${path.href}.gz`) : `${path}.gz`, fileLength)
  );
}

async function readClassNames(folder: string | URL): Promise<string[] | undefined> {
  const file = await readSourceIfExists('dir', join(folder, 'batches.meta.txt'), () => LONGEST_NAMES);
  if (file === undefined) return undefined;
  const names = new TextDecoder()
    .decode(file.bytes)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length !== CLASSES) {
    throw new DataError(`${file.name}: expected ${CLASSES} class names, one a line, found ${names.length}`);
  }
  return names;
}

/** Copies a file's records behind the first `start` samples of `labels` and `images`. */
function unpack({ name, bytes }: SourceFile, start: number, labels: Int32Array, images: Uint8Array): void {
  if (bytes.length !== RECORDS * RECORD) {
    throw new DataError(
      `${name}: expected ${RECORDS * RECORD} bytes (${RECORDS} records of ${RECORD}), found ${bytes.length}: ` +
        (bytes.length < RECORDS * RECORD ? 'the file is truncated' : 'there are bytes after the end'),
    );
  }
  for (let i = 0; i < RECORDS; i++) {
    const label = bytes[i * RECORD];
    if (label >= CLASSES) {
      throw new DataError(`${name}: expected labels from 0 to ${CLASSES - 1}, found ${label} in record ${i}`);
    }
    labels[start + i] = label;
    images.set(bytes.subarray(i * RECORD + 1, (i + 1) * RECORD), (start + i) * PIXELS);
  }
}
