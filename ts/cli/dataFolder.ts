/** What a folder of images holds: files of a published dataset, NumPy's, or folders of images. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { recognizeFashionMnist } from '../data/fashionMnist.js';
import { ConfigError, DataError, type Dataset, datasets } from '../index.js';
import { integer, UsageError } from './options.js';

const splits = ['test', 'train'] as const;
/** A part of a dataset. */
export type Split = (typeof splits)[number];

/** How the names of IDX files of a split begin. */
const idxPrefix = { test: 't10k', train: 'train' } satisfies Record<Split, string>;
/** Files of CIFAR-10's splits, of which any will do. */
const cifarFiles: Record<Split, string[]> = {
  test: ['test_batch.bin'],
  train: [1, 2, 3, 4, 5].map((part) => `data_batch_${part}.bin`),
};

/** What `--data` and `--split` say. */
export interface DataFlags {
  data: string;
  split: Split;
}

/** Of `--data`, for help. */
export const folderText =
  'folder of images: files of MNIST, Fashion-MNIST, CIFAR-10, CIFAR-100 or SVHN, .npz, or train/ and test/ with a folder a class';

/** Adds the options that say which dataset is meant. */
export function addDataOptions(command: Command): Command {
  return command
    .requiredOption('--data <dir>', folderText)
    .addOption(new Option('--split <name>', 'which of its images').choices(splits).default(splits[0]));
}

/** And `--samples`: without it, the first `usual`. */
export interface ImageFlags extends DataFlags {
  samples?: number;
}

/** Adds the options that say which images are meant. */
export function addImageOptions(command: Command, usual: number): Command {
  return addDataOptions(command).option(
    '--samples <n>',
    `how many of them, from the first (default: ${usual}, or all)`,
    integer(1),
  );
}

/** The images that the options mean. @throws {UsageError} */
export async function readImages(flags: ImageFlags, usual: number): Promise<Dataset> {
  const data = await readDataFolder(flags);
  return first('--samples', data, flags.samples ?? Math.min(usual, data.length));
}

/**
 * Reads the dataset in `dir`, or in the one folder inside `dir` that holds one.
 *
 * @throws {UsageError} when there is none, or more than one to choose from, or its files are damaged.
 */
export async function readDataFolder({ data: dir, split }: DataFlags): Promise<Dataset> {
  const found = findIn(dir, split);
  if (found.length !== 1) throw wrongNumber('--data', dir, split, found);
  return reading('--data', found[0].read);
}

/**
 * All splits of the dataset in `dir`, or in the one folder inside `dir` that holds one, training data first.
 *
 * @throws {UsageError} when there is none, or more than one to choose from, or files are damaged.
 */
export async function readSplits(dir: string): Promise<[Split, Dataset][]> {
  const parts: [Split, Dataset][] = [];
  for (const split of [...splits].reverse()) {
    const found = findIn(dir, split);
    if (found.length > 1) throw wrongNumber('data', dir, split, found);
    if (found.length === 1) parts.push([split, await reading('data', found[0].read)]);
  }
  if (parts.length === 0) throw wrongNumber('data', dir, 'train', []);
  return parts;
}

function findIn(dir: string, split: Split): Found[] {
  const here = datasetsIn(dir, split);
  return here.length > 0 ? here : foldersIn(dir).flatMap((folder) => datasetsIn(folder, split));
}

function wrongNumber(option: string, dir: string, split: Split, found: readonly Found[]): UsageError {
  const got = found.map(({ what }) => what).join(' and ') || 'none';
  return new UsageError(`${option}: expected ${wantedFiles(split)}, in ${dir} or one folder inside it, found ${got}`);
}

async function reading(option: string, read: () => Promise<Dataset>): Promise<Dataset> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof DataError || error instanceof ConfigError) throw new UsageError(`${option}: ${error.message}`);
    throw error;
  }
}

/** What a folder may hold, in words. */
function wantedFiles(split: Split): string {
  const kinds = [
    `${idxName(split, 'images')} and ${idxName(split, 'labels')} (MNIST and its relatives)`,
    `${cifarFiles[split].join(', ')} (CIFAR-10)`,
    `${split}.bin (CIFAR-100), each plain or .gz`,
    'the files of either for Python',
    `${split}_32x32.mat (SVHN)`,
    `${split}.npz with images and labels`,
    `${split}/ with a folder of PNG or JPEG images for each class`,
  ];
  return `${kinds.slice(0, -1).join('; ')}; or ${kinds.at(-1)}`;
}

interface Found {
  what: string;
  read: () => Promise<Dataset>;
}

function datasetsIn(folder: string, split: Split): Found[] {
  const found: Found[] = [];
  const name = `${basename(resolve(folder))} ${split}`;
  const [idxImages, idxLabels] = (['images', 'labels'] as const).map((part) => {
    const name = idxName(split, part);
    return existing(folder, [name, name.replace('-idx', '.idx')]);
  });
  if (idxImages !== undefined && idxLabels !== undefined) {
    const files = { images: idxImages, labels: idxLabels };
    // Files of these names hold many a dataset: which one, their labels tell.
    const read = async () => recognizeFashionMnist(await datasets.idx({ ...files, name }));
    found.push({ what: idxImages, read });
  }
  const cifar = existing(folder, cifarFiles[split]);
  if (cifar !== undefined) found.push({ what: cifar, read: () => datasets.cifar10({ dir: folder, split }) });
  const hundred = existing(folder, [`${split}.bin`]);
  if (hundred !== undefined) found.push({ what: hundred, read: () => datasets.cifar100({ dir: folder, split }) });
  if (cifar === undefined && hundred === undefined) found.push(...pickledIn(folder, split));
  const svhn = join(folder, `${split}_32x32.mat`);
  if (existsSync(svhn)) found.push({ what: svhn, read: () => datasets.svhn({ dir: folder, split }) });
  const npz = join(folder, `${split}.npz`);
  if (existsSync(npz)) found.push({ what: npz, read: () => datasets.npz({ file: npz, name }) });
  const images = join(folder, split);
  if (holdsClasses(images)) found.push({ what: images, read: () => datasets.imageFolder({ dir: images, name }) });
  return found;
}

/** CIFAR for Python: files without an ending, told by the one with the classes' names. */
function pickledIn(folder: string, split: Split): Found[] {
  const isFile = (name: string): boolean => {
    const path = join(folder, name);
    return existsSync(path) && statSync(path).isFile();
  };
  const batches = cifarFiles[split].map((name) => basename(name, '.bin'));
  if (isFile('batches.meta') && batches.some(isFile))
    return [{ what: join(folder, 'batches.meta'), read: () => datasets.cifar10({ dir: folder, split }) }];
  if (isFile('meta') && isFile(split))
    return [{ what: join(folder, split), read: () => datasets.cifar100({ dir: folder, split }) }];
  return [];
}

function idxName(split: Split, part: 'images' | 'labels'): string {
  return `${idxPrefix[split]}-${part}-idx${part === 'images' ? 3 : 1}-ubyte`;
}

/** Whether there are folders with images in `dir`. */
function holdsClasses(dir: string): boolean {
  if (!existsSync(dir) || !statSync(dir).isDirectory()) return false;
  return foldersIn(dir).some((folder) => readdirSync(folder).some((file) => /\.(png|jpe?g)$/i.test(file)));
}

/** The first of `names` that is in `folder`, plain or gzipped. */
function existing(folder: string, names: readonly string[]): string | undefined {
  return names.flatMap((name) => [join(folder, name), join(folder, `${name}.gz`)]).find((path) => existsSync(path));
}

function foldersIn(dir: string): string[] {
  try {
    const paths = readdirSync(dir).map((name) => join(dir, name));
    return paths.filter((path) => existsSync(path) && statSync(path).isDirectory());
  } catch {
    throw new UsageError(`--data: expected a folder, got ${dir}`);
  }
}

/** The first `count` images. @throws {UsageError} naming `option` when there are not so many. */
export function first(option: string, data: Dataset, count: number): Dataset {
  if (count > data.length) {
    throw new UsageError(`${option}: expected at most ${data.length} (${data.name}), got ${count}`);
  }
  return data.take(count);
}
