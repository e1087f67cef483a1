/** Images and labels from an archive of NumPy: what `numpy.savez(file, images=..., labels=...)` writes. */
import { isUint8Array } from '../base/arrays.js';
import { checkChoice, checkKeys } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { shapeText } from '../base/tensor.js';
import { type NpyArray, Npz } from '../io/npz.js';
import { classLabels, type LabelOptions, labelKeys } from './classLabels.js';
import { Dataset } from './dataset.js';
import { channelsFirst, checkPixels, toBytes } from './pixels.js';
import { readSource, type Source } from './source.js';

/** Options of {@link npz}. */
export interface NpzOptions extends LabelOptions {
  /** The archive, compressed or not. */
  file: Source;
  /** Name of the array of images; `'images'` by default. */
  images?: string;
  /** Name of the array of labels; `'labels'` by default. */
  labels?: string;
  /** Order of the images' dimensions: `'nchw'` by default, or `'nhwc'`. */
  layout?: 'nchw' | 'nhwc';
  /** What to call the dataset; the file's path when left out. */
  name?: string;
}

/** See `npz` in index.ts. */
export async function npz(options: NpzOptions): Promise<Dataset> {
  checkKeys('npz', options, ['file', 'images', 'labels', 'layout', 'name', ...labelKeys]);
  const { layout = 'nchw', images: imagesName = 'images', labels: labelsName = 'labels' } = options;
  checkChoice('layout', layout, ['nchw', 'nhwc']);
  for (const [key, value] of Object.entries({ images: imagesName, labels: labelsName })) {
    if (typeof value !== 'string') throw new ConfigError(`${key}: expected the name of an array, got ${String(value)}`);
  }
  const file = await readSource('file', options.file, () => 2 ** 31);
  const archive = await Npz.open(file.name, file.bytes);
  const [images, labels] = [await archive.read(imagesName), await archive.read(labelsName)];
  const place = `${file.name}: ${imagesName}`;
  const shape = imageShape(place, images.shape, layout);
  const [count] = images.shape;
  if (labels.data.length !== count || labels.shape[0] !== count) {
    throw new DataError(
      `${file.name}: ${labelsName}: expected ${count}, one for each image, found shape ${shapeText(labels.shape)}`,
    );
  }
  return new Dataset({
    name: options.name ?? file.name,
    shape,
    images: pixelsOf(place, images, shape, layout),
    ...classLabels(`${file.name}: ${labelsName}`, labels.data, options),
  });
}

function imageShape(place: string, shape: readonly number[], layout: 'nchw' | 'nhwc'): [number, number, number] {
  const wanted = layout === 'nchw' ? '[n, C, H, W]' : '[n, H, W, C]';
  if ((shape.length !== 4 && shape.length !== 3) || shape.some((extent) => extent < 1)) {
    throw new DataError(`${place}: expected shape ${wanted} or [n, H, W], found ${shapeText(shape)}`);
  }
  const [, a, b, c] = shape;
  if (shape.length === 3) return [1, a, b];
  return layout === 'nchw' ? [a, b, c] : [c, a, b];
}

function pixelsOf(
  place: string,
  { data, dtype }: NpyArray,
  shape: readonly [number, number, number],
  layout: 'nchw' | 'nhwc',
): Uint8Array | Float32Array {
  const size = shape[0] * shape[1] * shape[2];
  const ordered = layout === 'nhwc' && shape[0] > 1 ? channelsFirst(data, shape[0], size) : data;
  if (!dtype.startsWith('f')) return isUint8Array(ordered) ? ordered : toBytes(place, ordered, size);
  checkPixels(place, ordered, size);
  return Float32Array.from(ordered);
}
