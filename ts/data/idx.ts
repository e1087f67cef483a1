/**
 * The IDX format of MNIST and its relatives: two zero bytes, a type byte (8: unsigned bytes), the number of
 * dimensions, one big-endian 32-bit extent per dimension, then the values in row-major order.
 */
import { platform } from '#platform';
import { isUint8Array } from '../base/arrays.js';
import { checkKeys } from '../base/check.js';
import { DataError } from '../base/errors.js';
import { shapeText } from '../base/tensor.js';
import { isGzip, type LengthRule } from '../io/gzip.js';
import { type ClassLabels, classLabels, type LabelOptions, labelKeys } from './classLabels.js';
import { Dataset } from './dataset.js';
import { readSource, type Source, type SourceFile } from './source.js';
import { checkStream } from './splitOptions.js';
import { StreamedDataset } from './stream.js';

/** Where the two files of an IDX dataset are. */
export interface IdxOptions extends LabelOptions {
  /** Unsigned bytes `[n, H, W]`. */
  images: Source;
  /** Unsigned bytes `[n]`. */
  labels: Source;
  /** What to call the dataset; the images' path when left out. */
  name?: string;
  /** Reads images as they are needed, from a plain file; false by default. Labels are kept in memory. */
  stream?: boolean;
}

/** See `idx` in index.ts. */
export function idx(options: IdxOptions & { stream: true }): Promise<StreamedDataset>;
export function idx(options: IdxOptions & { stream?: false }): Promise<Dataset>;
export async function idx(options: IdxOptions): Promise<Dataset | StreamedDataset> {
  checkKeys('idx', options, ['images', 'labels', 'name', 'stream', ...labelKeys]);
  checkStream(options.stream);
  if (options.stream) return streamIdx(options);
  const [imageFile, labelFile] = await Promise.all([
    readSource('images', options.images, lengthBy(IMAGES)),
    readSource('labels', options.labels, lengthBy(LABELS)),
  ]);
  const images = parseIdx(imageFile, IMAGES);
  const [count, height, width] = images.shape;
  return new Dataset({
    name: options.name ?? imageFile.name,
    shape: [1, height, width],
    images: images.values,
    ...labelsFor(imageFile.name, count, labelFile, options),
  });
}

/** The same, read as it is needed. @throws {DataError} also for images that are gzipped, or no file. */
export async function streamIdx(options: IdxOptions): Promise<StreamedDataset> {
  const { images: path } = options;
  if (isUint8Array(path)) throw new DataError('images: expected a path for a stream, got bytes');
  const name = String(path);
  const labelFile = await readSource('labels', options.labels, lengthBy(LABELS));
  const read = async (parts: readonly { from: number; length: number }[]) => {
    const file = await platform.readParts(path, parts);
    if (file === undefined) throw new DataError(`images: expected a file, found none at ${name}`);
    return file;
  };
  const headerOnly = [{ from: 0, length: 4 + 4 * IMAGES.length }];
  const first = await read(headerOnly);
  if (isGzip(first.parts[0])) throw new DataError(`${name}: expected a plain file for a stream, found a gzipped one`);
  const { shape, header, length } = parseHeader({ name, bytes: first.parts[0] }, IMAGES);
  checkLength(name, first.size, length, shape);
  const [count, height, width] = shape;
  const { labels, ...classes } = labelsFor(name, count, labelFile, options);
  const size = height * width;
  const samples = async (numbers: ArrayLike<number>) => {
    const wanted = Array.from(numbers, (number) => ({ from: header + number * size, length: size }));
    const file = await read(wanted);
    checkLength(name, file.size, length, shape);
    const images = new Uint8Array(numbers.length * size);
    for (const [i, part] of file.parts.entries()) images.set(part, i * size);
    return { images, labels: Int32Array.from(numbers, (number) => labels[number]) };
  };
  return new StreamedDataset({
    name: options.name ?? name,
    shape: [1, height, width],
    ...classes,
    length: count,
    source: { read: samples },
  });
}

function labelsFor(images: string, count: number, labelFile: SourceFile, options: LabelOptions): ClassLabels {
  const { shape, values } = parseIdx(labelFile, LABELS);
  if (count !== shape[0]) {
    throw new DataError(
      `${labelFile.name}: expected one label for each of the ${count} images of ${images}, found ${shape[0]}`,
    );
  }
  return classLabels(labelFile.name, values, options);
}

/** The dimensions of both files. */
const IMAGES = ['images', 'rows', 'columns'];
const LABELS = ['labels'];

const UNSIGNED_BYTE = 8;
const TYPE_NAMES: Record<number, string> = {
  8: 'unsigned bytes',
  9: 'signed bytes',
  11: 'shorts',
  12: 'ints',
  13: 'floats',
  14: 'doubles',
};

interface Header {
  shape: number[];
  /** Bytes of the header, and of the whole file. */
  header: number;
  length: number;
}

/** The length of an IDX file as its header says. */
function lengthBy(extents: string[]): LengthRule {
  return (name, bytes) => parseHeader({ name, bytes }, extents).length;
}

/** The header of a file of unsigned bytes; `extents` names its dimensions, none of which may be 0. */
function parseHeader({ name, bytes }: SourceFile, extents: string[]): Header {
  const header = 4 + 4 * extents.length;
  if (bytes.length < 4) throw new DataError(`${name}: expected an IDX file, found only ${bytes.length} bytes`);
  const [zero0, zero1, type, rank] = bytes;
  if (zero0 !== 0 || zero1 !== 0 || !(type in TYPE_NAMES)) {
    const magic = Array.from(bytes.subarray(0, 4), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    throw new DataError(`${name}: expected an IDX file (first bytes 00 00 08 ${hex(extents.length)}), found ${magic}`);
  }
  if (type !== UNSIGNED_BYTE) {
    throw new DataError(
      `${name}: expected ${TYPE_NAMES[UNSIGNED_BYTE]} (type 8), found ${TYPE_NAMES[type]} (type ${type})`,
    );
  }
  if (rank !== extents.length) {
    throw new DataError(`${name}: expected ${extents.length} dimensions (${extents.join(', ')}), found ${rank}`);
  }
  if (bytes.length < header) {
    throw new DataError(`${name}: expected a header of ${header} bytes, found only ${bytes.length} bytes`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = extents.map((_, d) => view.getUint32(4 + 4 * d));
  shape.forEach((extent, d) => {
    if (extent === 0)
      throw new DataError(`${name}: expected at least one of ${extents[d]}, found shape ${shapeText(shape)}`);
  });
  return { shape, header, length: header + shape.reduce((product, extent) => product * extent, 1) };
}

function checkLength(name: string, found: number, expected: number, shape: readonly number[]): void {
  if (found === expected) return;
  const problem = found < expected ? 'the file is truncated' : 'there are bytes after the end';
  throw new DataError(`${name}: expected ${expected} bytes for shape ${shapeText(shape)}, found ${found}: ${problem}`);
}

/** Shape and values of a whole file. */
function parseIdx(file: SourceFile, extents: string[]): { shape: number[]; values: Uint8Array } {
  const { name, bytes } = file;
  const { shape, header, length } = parseHeader(file, extents);
  checkLength(name, bytes.length, length, shape);
  return { shape, values: bytes.subarray(header) };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
