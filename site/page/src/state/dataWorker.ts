/** Draws, reads and decodes images beside the page, which is never held up by it. */
import { expose } from 'comlink';
import { type Dataset, datasets } from 'kwta';
import type { Split, SplitRequest } from './data.js';
import { hasFiles, ownFiles } from './ownFiles.js';
import { PIXELS, SIDE } from './pixels.js';

/** Images depend on these alone, so that the seed of the settings changes the training and not the data. */
const figureSeeds = { train: 1, test: 2 };
const testFigures = 1000;

/** Where files of Fashion-MNIST that were handed in are kept, among the page's own. */
const kept = `${ownFiles}/fashion-mnist`;

/** Share of a user's own images that is kept for tests. */
const testShare = 0.2;

const calls = {
  async load(request: SplitRequest) {
    const { train, test } = await load(request);
    return { train: train.toPlain(), test: test.toPlain() };
  },
  decode,
};

export type DataCalls = typeof calls;

expose(calls);

function load(request: SplitRequest): Promise<Split> {
  switch (request.kind) {
    case 'figures':
      return Promise.resolve({
        train: datasets.synthetic({ count: request.count, seed: figureSeeds.train }),
        test: datasets.synthetic({ count: testFigures, seed: figureSeeds.test }),
      });
    case 'fashion':
      return fashion(request.count, request.download, request.files);
    case 'own':
      return own(request.files);
  }
}

/** From the four files, those handed in, those kept, or those published. */
async function fashion(count: number, download: boolean, files: readonly File[]): Promise<Split> {
  if (files.length > 0) return fromFiles(count, files);
  const load = async (split: 'train' | 'test') => {
    try {
      return await datasets.fashionMnist({ split, dir: kept });
    } catch {
      return datasets.fashionMnist({ split, download });
    }
  };
  const [train, test] = await Promise.all([load('train'), load('test')]);
  return { train: train.take(Math.min(count, train.length)), test };
}

/** Kept for the next visit where the browser gives pages files of their own, and read from there. */
async function fromFiles(count: number, files: readonly File[]): Promise<Split> {
  const find = async (name: string): Promise<File> => {
    const file = files.find((each) => each.name.startsWith(name));
    if (file === undefined) throw new Error(`expected ${name}-ubyte (plain or .gz) among the files, found none`);
    return file;
  };
  const bytesOf = async (file: File): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer());
  const load = async (split: 'train' | 'test', prefix: string): Promise<Dataset> => {
    const [images, labels] = await Promise.all([find(`${prefix}-images-idx3`), find(`${prefix}-labels-idx1`)]);
    if (!hasFiles()) return datasets.idx({ images: await bytesOf(images), labels: await bytesOf(labels) });
    for (const file of [images, labels]) await keep(file);
    return datasets.fashionMnist({ split, dir: kept });
  };
  const [train, test] = [await load('train', 'train'), await load('test', 't10k')];
  return { train: train.take(Math.min(count, train.length)), test };
}

async function keep(file: File): Promise<void> {
  let folder = await navigator.storage.getDirectory();
  for (const part of kept.slice('opfs:'.length).split('/')) {
    folder = await folder.getDirectoryHandle(part, { create: true });
  }
  const writer = await (await folder.getFileHandle(file.name, { create: true })).createWritable();
  await writer.write(file);
  await writer.close();
}

/** One class a folder; files that lie in none are told apart by how their names begin. */
async function own(files: readonly { file: File; folder: string }[]): Promise<Split> {
  const named = files.map(({ file, folder }) => ({ file, name: folder || beginning(file.name) }));
  const classNames = [...new Set(named.map(({ name }) => name))].sort();
  if (classNames.length < 2) {
    throw new Error(
      'expected images of two classes or more: one folder a class, or names such as cat-1.png and dog-1.png',
    );
  }
  const images = await Promise.all(named.map(({ file }) => decode(file)));
  const labels = named.map(({ name }) => classNames.indexOf(name));
  const data = new Float32Array(images.length * PIXELS);
  for (const [i, image] of images.entries()) data.set(image, i * PIXELS);
  const all = datasets
    .fromTensors({
      images: { shape: [images.length, 1, SIDE, SIDE], data },
      labels,
      classes: classNames.length,
      classNames,
      name: 'own images',
    })
    .shuffle(0);
  const tests = Math.max(1, Math.round(testShare * all.length));
  if (all.length - tests < classNames.length) throw new Error(`expected more images, got ${all.length}`);
  return { train: all.slice(tests), test: all.take(tests) };
}

function beginning(name: string): string {
  return name.match(/^\p{L}+/u)?.[0].toLowerCase() ?? '';
}

/** Grey, in the size of the page's images, cut to a square. */
async function decode(file: Blob): Promise<Float32Array> {
  const bitmap = await createImageBitmap(file);
  const canvas = new OffscreenCanvas(SIDE, SIDE);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws nothing outside of the page');
  const side = Math.min(bitmap.width, bitmap.height);
  const [left, top] = [(bitmap.width - side) / 2, (bitmap.height - side) / 2];
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, left, top, side, side, 0, 0, SIDE, SIDE);
  bitmap.close();
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  return Float32Array.from({ length: PIXELS }, (_, i) => {
    const [red, green, blue] = data.subarray(4 * i, 4 * i + 3);
    return (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
  });
}
