/**
 * Files of records of one length, one behind the other, as CIFAR's binary layout has them: some bytes of labels, then the bytes
 * of a 3 x 32 x 32 image. Read whole, plain or gzipped, or a few records at a time from plain files.
 */
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import { isUrl } from '../base/paths.js';
import { allocate, Dataset } from './dataset.js';
import { join, readSourceIfExists, type SourceFile } from './source.js';
import { StreamedDataset } from './stream.js';

const shape: [number, number, number] = [3, 32, 32];
const pixels = 3 * 32 * 32;

/** What the records of a split are. */
export interface RecordFormat {
  /** Names of the files, without `.bin` or `.bin.gz`, and how many records each has. */
  files: readonly string[];
  records: number;
  /** How many bytes come before the image, and which of them is the label. */
  labelBytes: number;
  labelAt: number;
  classes: number;
  /** File of the classes' names, one a line. */
  namesFile: string;
}

/** One of the files that were found. */
interface RecordFile {
  name: string;
  /** Without its ending. */
  stem: string;
  path: string | URL;
}

/** Bytes of class names, generously. */
const longestNames = 2 ** 16;

const recordLength = ({ labelBytes }: RecordFormat): number => labelBytes + pixels;

/** What a set of these files is, whole; `undefined` when none is there. @throws {DataError} naming the file that is wrong. */
export async function readRecords(
  title: string,
  folders: readonly (string | URL)[],
  format: RecordFormat,
): Promise<Dataset | undefined> {
  const length = format.records * recordLength(format);
  for (const folder of folders) {
    const read = await Promise.all(format.files.map((stem) => readPlainOrZipped(folder, stem, length)));
    const stems = format.files.filter((_, i) => read[i] !== undefined);
    if (stems.length === 0) continue;
    const files = read.filter((file) => file !== undefined);
    const labels = new Int32Array(allocate(4 * format.records * files.length));
    const images = new Uint8Array(allocate(pixels * format.records * files.length));
    for (const [part, file] of files.entries()) unpack(file, format, part * format.records, labels, images);
    const { classes } = format;
    const classNames = await readClassNames(folder, format);
    return new Dataset({ name: nameOf(title, stems, format), shape, classes, images, labels, classNames });
  }
  return undefined;
}

/** The same, read as it is needed. Files must be plain. */
export async function streamRecords(
  title: string,
  folders: readonly (string | URL)[],
  format: RecordFormat,
): Promise<StreamedDataset | undefined> {
  for (const folder of folders) {
    const found = await Promise.all(format.files.map((stem) => findPlain(folder, stem, format)));
    const files = found.filter((file) => file !== undefined);
    if (files.length === 0) continue;
    const stems = files.map(({ stem }) => stem);
    return new StreamedDataset({
      name: nameOf(title, stems, format),
      shape,
      classes: format.classes,
      classNames: await readClassNames(folder, format),
      length: files.length * format.records,
      source: { read: (numbers) => readSome(files, format, numbers) },
    });
  }
  return undefined;
}

/** The dataset's name, which says so when some of the files are not there. */
export function nameOf(title: string, stems: readonly string[], { files }: { files: readonly string[] }): string {
  return stems.length < files.length ? `${title} (only ${stems.join(', ')})` : title;
}

async function readPlainOrZipped(folder: string | URL, stem: string, length: number): Promise<SourceFile | undefined> {
  const path = join(folder, `${stem}.bin`);
  return (
    (await readSourceIfExists('dir', path, () => length)) ??
    readSourceIfExists('dir', isUrl(path) ? new URL(`${path.href}.gz`) : `${path}.gz`, () => length)
  );
}

async function findPlain(folder: string | URL, stem: string, format: RecordFormat): Promise<RecordFile | undefined> {
  const path = join(folder, `${stem}.bin`);
  const found = await platform.readParts(path, []);
  if (found === undefined) return undefined;
  checkLength(String(path), found.size, format);
  return { name: String(path), stem, path };
}

async function readClassNames(
  folder: string | URL,
  { namesFile, classes }: RecordFormat,
): Promise<string[] | undefined> {
  const file = await readSourceIfExists('dir', join(folder, namesFile), () => longestNames);
  if (file === undefined) return undefined;
  const names = new TextDecoder()
    .decode(file.bytes)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length !== classes) {
    throw new DataError(`${file.name}: expected ${classes} class names, one a line, found ${names.length}`);
  }
  return names;
}

function checkLength(name: string, length: number, format: RecordFormat): void {
  const expected = format.records * recordLength(format);
  if (length === expected) return;
  throw new DataError(
    `${name}: expected ${expected} bytes (${format.records} records of ${recordLength(format)}), found ${length}: ` +
      (length < expected ? 'the file is truncated' : 'there are bytes after the end'),
  );
}

function checkedLabel(name: string, label: number, record: number, { classes }: RecordFormat): number {
  if (label >= classes) {
    throw new DataError(`${name}: expected labels from 0 to ${classes - 1}, found ${label} in record ${record}`);
  }
  return label;
}

/** Copies a file's records behind the first `start` samples of `labels` and `images`. */
function unpack(
  { name, bytes }: SourceFile,
  format: RecordFormat,
  start: number,
  labels: Int32Array,
  images: Uint8Array,
): void {
  checkLength(name, bytes.length, format);
  const length = recordLength(format);
  for (let i = 0; i < format.records; i++) {
    labels[start + i] = checkedLabel(name, bytes[i * length + format.labelAt], i, format);
    images.set(bytes.subarray(i * length + format.labelBytes, (i + 1) * length), (start + i) * pixels);
  }
}

async function readSome(
  files: readonly RecordFile[],
  format: RecordFormat,
  numbers: ArrayLike<number>,
): Promise<{ images: Uint8Array; labels: Int32Array }> {
  const length = recordLength(format);
  const images = new Uint8Array(numbers.length * pixels);
  const labels = new Int32Array(numbers.length);
  const wanted = Array.from(numbers, (number, at) => ({
    at,
    record: number % format.records,
    file: Math.floor(number / format.records),
  }));
  for (const [index, { name, path }] of files.entries()) {
    const here = wanted.filter(({ file }) => file === index);
    if (here.length === 0) continue;
    const read = await platform.readParts(
      path,
      here.map(({ record }) => ({ from: record * length, length })),
    );
    if (read === undefined) throw new DataError(`${name}: expected the file, which was there before, found none`);
    checkLength(name, read.size, format);
    for (const [i, { at, record }] of here.entries()) {
      labels[at] = checkedLabel(name, read.parts[i][format.labelAt], record, format);
      images.set(read.parts[i].subarray(format.labelBytes), at * pixels);
    }
  }
  return { images, labels };
}
