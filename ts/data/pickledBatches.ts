/**
 * CIFAR as it is published for Python: pickled dictionaries of `data`, an array of bytes `[n, 3072]` (the red, the green, then the
 * blue plane of 32 x 32), and a list of labels; beside them one with the classes' names.
 */
import { DataError } from '../base/errors.js';
import { describe, shapeText } from '../base/tensor.js';
import { PickledBytes, readPickledBytes } from '../io/pickledBytes.js';
import { allocate, Dataset } from './dataset.js';
import { nameOf } from './recordFiles.js';
import { join, readBytesIfExists } from './source.js';

const pixels = 3 * 32 * 32;

/** What the batches of a split are. */
export interface PickledFormat {
  /** Names of the files, which have no ending, and how many images each has. */
  files: readonly string[];
  records: number;
  /** Under which key its labels are. */
  labels: string;
  classes: number;
  /** The file of the classes' names, and under which key they are. */
  meta: string;
  names: string;
}

/** A dictionary and what to call it in messages. */
interface Dictionary {
  name: string;
  values: ReadonlyMap<string, unknown>;
}

/** The split, if its classes' names and any of its files are in the folder. @throws {DataError} naming the file that is wrong. */
export async function readPickledBatches(
  title: string,
  folder: string | URL,
  format: PickledFormat,
): Promise<Dataset | undefined> {
  const meta = await readDictionary(folder, format.meta);
  if (meta === undefined) return undefined;
  const found = await Promise.all(format.files.map((file) => readDictionary(folder, file)));
  const batches = found.filter((batch) => batch !== undefined);
  if (batches.length === 0) return undefined;
  const { records, classes } = format;
  const labels = new Int32Array(allocate(4 * records * batches.length));
  const images = new Uint8Array(allocate(pixels * records * batches.length));
  for (const [part, batch] of batches.entries()) {
    labels.set(labelsOf(batch, format), part * records);
    images.set(pixelsOf(batch, format), part * records * pixels);
  }
  const stems = format.files.filter((_, i) => found[i] !== undefined);
  const classNames = namesOf(meta, format);
  return new Dataset({ name: nameOf(title, stems, format), shape: [3, 32, 32], classes, images, labels, classNames });
}

async function readDictionary(folder: string | URL, file: string): Promise<Dictionary | undefined> {
  const path = join(folder, file);
  const bytes = await readBytesIfExists('dir', path);
  if (bytes === undefined) return undefined;
  const name = String(path);
  const value = readPickledBytes(name, bytes);
  if (!(value instanceof Map)) throw new DataError(`${name}: expected a dictionary, got ${describe(value)}`);
  return { name, values: new Map(Array.from(value, ([key, each]) => [textOf(key) ?? '', each])) };
}

/** Texts of Python 2 that were read as bytes by Python 3 and written again are bytes. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : undefined;
}

function pixelsOf({ name, values }: Dictionary, { records }: PickledFormat): Uint8Array {
  const data = values.get('data');
  const shape = [records, pixels];
  if (data instanceof PickledBytes && shapeText(data.shape) === shapeText(shape)) return data.bytes;
  const got = data instanceof PickledBytes ? shapeText(data.shape) : describe(data);
  throw new DataError(`${name}: data: expected an array of bytes ${shapeText(shape)}, got ${got}`);
}

function labelsOf({ name, values }: Dictionary, { records, labels: key, classes }: PickledFormat): number[] {
  const labels = values.get(key);
  if (!Array.isArray(labels) || labels.length !== records) {
    const got = Array.isArray(labels) ? `${labels.length} values` : describe(labels);
    throw new DataError(`${name}: ${key}: expected a list of ${records} labels, got ${got}`);
  }
  const wrong = labels.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= classes);
  if (wrong < 0) return labels;
  throw new DataError(
    `${name}: ${key}: expected labels from 0 to ${classes - 1}, found ${describe(labels[wrong])} in record ${wrong}`,
  );
}

function namesOf({ name, values }: Dictionary, { names: key, classes }: PickledFormat): string[] {
  const given = values.get(key);
  const names = Array.isArray(given) ? given.map(textOf).filter((text) => text !== undefined) : [];
  if (names.length === classes) return names;
  throw new DataError(`${name}: ${key}: expected ${classes} class names, found ${names.length}`);
}
