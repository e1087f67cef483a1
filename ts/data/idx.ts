/**
 * The IDX format of MNIST and its relatives: two zero bytes, a type byte (8: unsigned bytes), the number of
 * dimensions, one big-endian 32-bit extent per dimension, then the values in row-major order.
 */
import { checkKeys } from '../base/check.js';
import { DataError } from '../base/errors.js';
import { shapeText } from '../base/tensor.js';
import { Dataset } from './dataset.js';
import type { LengthRule } from './gzip.js';
import { readSource, type Source, type SourceFile } from './source.js';

/** Where the two files of an IDX dataset are. */
export interface IdxOptions {
  /** Unsigned bytes `[n, H, W]`. */
  images: Source;
  /** Unsigned bytes `[n]`. */
  labels: Source;
  /** How many classes there are; the highest label + 1 when left out. */
  classes?: number;
  /** What to call the dataset; the images' path when left out. */
  name?: string;
  classNames?: string[];
}

/**
 * Grey images with labels from a pair of IDX files, plain or gzipped.
 *
 * @throws {DataError} when a file is missing, truncated, too long or not IDX, or the files do not fit each other.
 */
export async function idx(options: IdxOptions): Promise<Dataset> {
  checkKeys('idx', options, ['images', 'labels', 'classes', 'name', 'classNames']);
  const [imageFile, labelFile] = await Promise.all([
    readSource('images', options.images, lengthBy(IMAGES)),
    readSource('labels', options.labels, lengthBy(LABELS)),
  ]);
  const images = parseIdx(imageFile, IMAGES);
  const labels = parseIdx(labelFile, LABELS);
  const [count, height, width] = images.shape;
  if (count !== labels.shape[0]) {
    throw new DataError(
      `${labelFile.name}: expected one label for each of the ${count} images of ${imageFile.name}, ` +
        `found ${labels.shape[0]}`,
    );
  }
  const classes = options.classes ?? Math.max(2, 1 + labels.values.reduce((a, b) => Math.max(a, b), 0));
  const tooHigh = labels.values.findIndex((label) => label >= classes);
  if (tooHigh >= 0) {
    throw new DataError(
      `${labelFile.name}: expected labels from 0 to ${classes - 1}, found ${labels.values[tooHigh]} at index ${tooHigh}`,
    );
  }
  return new Dataset({
    name: options.name ?? imageFile.name,
    shape: [1, height, width],
    classes,
    images: images.values,
    labels: Int32Array.from(labels.values),
    classNames: options.classNames,
  });
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

/** Shape and values of a whole file. */
function parseIdx(file: SourceFile, extents: string[]): { shape: number[]; values: Uint8Array } {
  const { name, bytes } = file;
  const { shape, header, length } = parseHeader(file, extents);
  if (bytes.length !== length) {
    const problem = bytes.length < length ? 'the file is truncated' : 'there are bytes after the end';
    throw new DataError(
      `${name}: expected ${length} bytes for shape ${shapeText(shape)}, found ${bytes.length}: ${problem}`,
    );
  }
  return { shape, values: bytes.subarray(header) };
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}
