/**
 * Street View House Numbers (Netzer et al. 2011), cropped digits: `.mat` files with `X`, bytes `[32, 32, 3, n]` in column-major
 * order, and `y`, where the label 10 is the digit 0; here it is class 0.
 */
import { isUint8Array } from '../base/arrays.js';
import { DataError } from '../base/errors.js';
import { type MatArray, readMat } from '../io/mat.js';
import { allocate, Dataset } from './dataset.js';
import { type Archive, whereIs } from './locate.js';
import { join, readSource } from './source.js';
import { checkSplitOptions, type SplitOptions } from './splitOptions.js';

/** Options of {@link svhn}. */
export type SvhnOptions = SplitOptions<'train' | 'test' | 'extra'>;

const splits = ['train', 'test', 'extra'] as const;
const side = 32;
const channels = 3;
const size = channels * side * side;

const archive: Archive = {
  title: 'SVHN',
  folder: 'svhn',
  url: 'http://ufldl.stanford.edu/housenumbers/',
  inside: [],
  needed: { train: ['train_32x32.mat'], test: ['test_32x32.mat'], extra: ['extra_32x32.mat'] },
  downloads: [
    { name: 'train_32x32.mat', md5: 'e26dedcc434d2e4c54c9b2d4a06d8373', split: 'train' },
    { name: 'test_32x32.mat', md5: 'eb5a983be6a315427106f1b164d9cef3', split: 'test' },
    { name: 'extra_32x32.mat', md5: 'a93ce644f1a588dc4d68dda5feec44a7', split: 'extra' },
  ],
};

/** See `svhn` in index.ts. */
export async function svhn(options: SvhnOptions): Promise<Dataset> {
  checkSplitOptions('svhn', options, splits);
  const dir = await whereIs(archive, options);
  const [file] = archive.needed[options.split];
  // A .mat file of gzip would be a strange thing; its own elements are deflated.
  const { name, bytes } = await readSource('dir', join(dir, file), () => 2 ** 31);
  const arrays = await readMat(name, bytes);
  const [images, labels] = [arrayOf(name, arrays, 'X'), arrayOf(name, arrays, 'y')];
  const [height, width, depth, count] = [...images.shape, ...Array<number>(4).fill(1)];
  if (images.shape.length > 4 || height !== side || width !== side || depth !== channels || count < 1) {
    throw new DataError(`${name}: expected X of shape [32, 32, 3, n], found [${images.shape.join(', ')}]`);
  }
  if (!isUint8Array(images.data)) throw new DataError(`${name}: expected X of unsigned bytes, found other numbers`);
  if (labels.data.length !== count) {
    throw new DataError(
      `${name}: expected one label in y for each of the ${count} images, found ${labels.data.length}`,
    );
  }
  return new Dataset({
    name: `SVHN ${options.split}`,
    shape: [channels, side, side],
    classes: 10,
    images: rowsFirst(images.data, count),
    labels: Int32Array.from(labels.data, (label, i) => classOf(name, label, i)),
    classNames: Array.from({ length: 10 }, (_, digit) => String(digit)),
  });
}

function arrayOf(name: string, arrays: ReadonlyMap<string, MatArray>, wanted: string): MatArray {
  const array = arrays.get(wanted);
  if (array !== undefined) return array;
  throw new DataError(`${name}: expected an array ${wanted}, found ${[...arrays.keys()].join(', ') || 'none'}`);
}

function classOf(name: string, label: number, sample: number): number {
  if (!Number.isInteger(label) || label < 0 || label > 10) {
    throw new DataError(`${name}: expected labels from 0 to 10 in y, found ${label} in sample ${sample}`);
  }
  return label === 10 ? 0 : label;
}

/** From the order of the file, in which rows run fastest, then columns, then channels, then samples. */
function rowsFirst(columns: Uint8Array, count: number): Uint8Array {
  const images = new Uint8Array(allocate(count * size));
  for (let plane = 0; plane < count * channels; plane++) {
    const from = plane * side * side;
    for (let y = 0; y < side; y++) {
      for (let x = 0; x < side; x++) images[from + y * side + x] = columns[from + x * side + y];
    }
  }
  return images;
}
