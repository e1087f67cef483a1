/** Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): 60,000 training and 10,000 test images, grey, 28 x 28, ten classes. */
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import { md5 } from '../base/md5.js';
import { Dataset } from './dataset.js';
import { idx, streamIdx } from './idx.js';
import { type Archive, existing, whereIs } from './locate.js';
import { join } from './source.js';
import { checkSplitOptions, checkStream, type SplitOptions } from './splitOptions.js';
import type { StreamedDataset } from './stream.js';

/** Options of {@link fashionMnist}: a folder may also be the one above its `fashion-mnist`. */
export interface FashionMnistOptions extends SplitOptions {
  /** Reads images as they are needed, from plain files; false by default. */
  stream?: boolean;
}

const splits = ['train', 'test'] as const;

const classNames = [
  'T-shirt/top',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

const files = {
  train: ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte'],
  test: ['t10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'],
};

const archive: Archive = {
  title: 'Fashion-MNIST',
  folder: 'fashion-mnist',
  url: [
    'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
    'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
  ],
  inside: ['fashion-mnist'],
  needed: files,
  downloads: [
    { name: 'train-images-idx3-ubyte.gz', md5: '8d4fb7e6c68d591d4c3dfef9ec88bf0d', split: 'train' },
    { name: 'train-labels-idx1-ubyte.gz', md5: '25c81989df183df01b3e8a0aad5dffbe', split: 'train' },
    { name: 't10k-images-idx3-ubyte.gz', md5: 'bef4ecab320f06d8554ea6380940ec79', split: 'test' },
    { name: 't10k-labels-idx1-ubyte.gz', md5: 'bb300cfdad3c16e7a12a480ee83cd310', split: 'test' },
  ],
};

/** See `fashionMnist` in index.ts. */
export function fashionMnist(options: FashionMnistOptions & { stream: true }): Promise<StreamedDataset>;
export function fashionMnist(options: FashionMnistOptions & { stream?: false }): Promise<Dataset>;
export async function fashionMnist(options: FashionMnistOptions): Promise<Dataset | StreamedDataset> {
  checkSplitOptions('fashionMnist', options, splits, ['stream']);
  checkStream(options.stream);
  const { split } = options;
  const dir = await whereIs(archive, options);
  const [images, labels] = await Promise.all(files[split].map((name) => placeOf(dir, name, split)));
  const given = { images, labels, classes: classNames.length, classNames, name: nameOf(split) };
  return options.stream ? streamIdx(given) : idx(given);
}

const nameOf = (split: string): string => `${archive.title} ${split}`;

/** In the folder or its `fashion-mnist`; on the web, the first. @throws {DataError} */
async function placeOf(dir: string | URL, name: string, split: keyof typeof files): Promise<string | URL> {
  for (const folder of [dir, ...archive.inside.map((inside) => join(dir, inside))]) {
    const found = await existing(folder, name);
    if (found !== undefined) return found;
  }
  if (!platform.isLocal(dir)) return join(dir, `${name}.gz`);
  const inside = archive.inside.join(', ');
  throw new DataError(
    `dir: expected ${files[split].join(', ')} (plain or .gz) in ${dir} or its ${inside}, found no ${name}`,
  );
}

/** MD5 sums of the labels of both splits, one byte each. */
const labelSums: Record<string, (typeof splits)[number]> = {
  '3236f6424fc25388b2834cb19942cf7e': 'train',
  '8dea97a4e78c1bd1b5a6e8efbb870b6e': 'test',
};

/** The same images, with its name and what its classes show where they are a split of Fashion-MNIST. */
export function recognizeFashionMnist(data: Dataset): Dataset {
  const split = labelSums[md5(Uint8Array.from(data.labels))];
  return split === undefined ? data : new Dataset({ ...data.toPlain(), name: nameOf(split), classNames });
}
