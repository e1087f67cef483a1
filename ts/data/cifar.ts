/**
 * CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their official binary layout, and in the one for Python. A binary record is a label
 * byte (in CIFAR-100 two: coarse, then fine) and 3,072 pixel bytes: the red, the green, then the blue plane of 32 x 32.
 */
import { checkChoice } from '../base/check.js';
import { DataError } from '../base/errors.js';
import type { Dataset } from './dataset.js';
import { type Archive, type Pickled, whereIs } from './locate.js';
import { type PickledFormat, readPickledBatches } from './pickledBatches.js';
import { type RecordFormat, readRecords, streamRecords } from './recordFiles.js';
import { join } from './source.js';
import { checkSplitOptions, checkStream, type SplitOptions } from './splitOptions.js';
import type { StreamedDataset } from './stream.js';

/** Options of {@link cifar10}: a folder may also be the one above its `cifar-10-batches-bin` or `cifar-10-batches-py`. */
export interface Cifar10Options extends SplitOptions {
  /** Reads images as they are needed, from plain files of the binary layout; false by default. */
  stream?: boolean;
}

/** Options of {@link cifar100}: a folder may also be the one above its `cifar-100-binary` or `cifar-100-python`. */
export interface Cifar100Options extends SplitOptions {
  /** 100 classes, `'fine'` by default, or the 20 that they belong to. */
  labels?: 'fine' | 'coarse';
  /** Reads images as they are needed, from plain files of the binary layout; false by default. */
  stream?: boolean;
}

const splits = ['train', 'test'] as const;

const publisher = 'https://www.cs.toronto.edu/~kriz/';

const tenBatches = [1, 2, 3, 4, 5].map((batch) => `data_batch_${batch}`);

const ten: Archive & { pickled: Pickled } = {
  title: 'CIFAR-10',
  folder: 'cifar-10',
  url: publisher,
  inside: ['cifar-10-batches-bin'],
  needed: { train: tenBatches.map((stem) => `${stem}.bin`), test: ['test_batch.bin'] },
  pickled: { inside: 'cifar-10-batches-py', files: { train: tenBatches, test: ['test_batch'] } },
  any: true,
  downloads: [{ name: 'cifar-10-binary.tar.gz', md5: 'c32a1d4ab5d03f1284b67883e8d87530', unpack: true }],
};

const hundred: Archive & { pickled: Pickled } = {
  title: 'CIFAR-100',
  folder: 'cifar-100',
  url: publisher,
  inside: ['cifar-100-binary'],
  needed: { train: ['train.bin'], test: ['test.bin'] },
  pickled: { inside: 'cifar-100-python', files: { train: ['train'], test: ['test'] } },
  downloads: [{ name: 'cifar-100-binary.tar.gz', md5: '03b5dce01913d631647c71ecec9e9cb8', unpack: true }],
};

/** See `cifar10` in index.ts. */
export function cifar10(options: Cifar10Options & { stream: true }): Promise<StreamedDataset>;
export function cifar10(options: Cifar10Options & { stream?: false }): Promise<Dataset>;
export async function cifar10(options: Cifar10Options): Promise<Dataset | StreamedDataset> {
  checkSplitOptions('cifar10', options, splits, ['stream']);
  checkStream(options.stream);
  const format = {
    files: options.split === 'train' ? tenBatches : ['test_batch'],
    records: 10_000,
    labelBytes: 1,
    labelAt: 0,
    classes: 10,
    namesFile: 'batches.meta.txt',
  };
  return readSplit(ten, options, format, { labels: 'labels', meta: 'batches.meta', names: 'label_names' });
}

/** See `cifar100` in index.ts. */
export function cifar100(options: Cifar100Options & { stream: true }): Promise<StreamedDataset>;
export function cifar100(options: Cifar100Options & { stream?: false }): Promise<Dataset>;
export async function cifar100(options: Cifar100Options): Promise<Dataset | StreamedDataset> {
  checkSplitOptions('cifar100', options, splits, ['labels', 'stream']);
  checkStream(options.stream);
  const { labels = 'fine', split } = options;
  checkChoice('labels', labels, ['fine', 'coarse']);
  const format = {
    files: [split],
    records: split === 'train' ? 50_000 : 10_000,
    labelBytes: 2,
    labelAt: labels === 'fine' ? 1 : 0,
    classes: labels === 'fine' ? 100 : 20,
    namesFile: `${labels}_label_names.txt`,
  };
  const keys = { labels: `${labels}_labels`, meta: 'meta', names: `${labels}_label_names` };
  return readSplit(hundred, options, format, keys);
}

async function readSplit(
  archive: Archive & { pickled: Pickled },
  options: SplitOptions & { stream?: boolean },
  format: RecordFormat,
  keys: Pick<PickledFormat, 'labels' | 'meta' | 'names'>,
): Promise<Dataset | StreamedDataset> {
  const dir = await whereIs(archive, options);
  const folders = [dir, ...archive.inside.map((name) => join(dir, name))];
  const title = `${archive.title} ${options.split}`;
  const found = options.stream
    ? await streamRecords(title, folders, format)
    : ((await readRecords(title, folders, format)) ?? (await readPickled(title, archive, dir, { ...format, ...keys })));
  if (found !== undefined) return found;
  const wanted = format.files.map((file) => `${file}.bin`).join(', ');
  const how = options.stream ? 'plain, for a stream' : 'plain or .gz';
  const python = options.stream ? '' : `, or those for Python in its ${archive.pickled.inside}`;
  throw new DataError(
    `dir: expected ${wanted} (${how}) in ${String(dir)} or its ${archive.inside.join(', ')}${python}, found none`,
  );
}

async function readPickled(
  title: string,
  { pickled }: Archive & { pickled: Pickled },
  dir: string | URL,
  format: PickledFormat,
): Promise<Dataset | undefined> {
  return (await readPickledBatches(title, dir, format)) ?? readPickledBatches(title, join(dir, pickled.inside), format);
}
