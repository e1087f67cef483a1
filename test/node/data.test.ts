/** Datasets from files and over HTTP. What needs the real files runs when KWTA_DATA names their folder. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import { datasets } from 'kwta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { serveHttp } from './server.js';

const { KWTA_DATA } = process.env;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-data-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** A well-formed CIFAR-10 file: the label of record i is i mod 10, all its pixels are `pixel`. */
function cifarFile(pixel: number): Uint8Array {
  const bytes = new Uint8Array(10_000 * 3073).fill(pixel);
  for (let i = 0; i < 10_000; i++) bytes[3073 * i] = i % 10;
  return bytes;
}

describe('cifar10', { timeout: 20_000 }, () => {
  it('reads the training files that are there, plain and gzipped, and the class names', async () => {
    await writeFile(join(folder, 'data_batch_2.bin'), cifarFile(51));
    await writeFile(join(folder, 'data_batch_4.bin.gz'), gzipSync(cifarFile(255), { level: 1 }));
    await writeFile(join(folder, 'batches.meta.txt'), 'a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n\n');
    const train = await datasets.cifar10({ dir: folder, split: 'train' });
    expect(train.length).toBe(20_000);
    expect(train.shape).toEqual([3, 32, 32]);
    expect(train.name).toBe('CIFAR-10 train (only data_batch_2, data_batch_4)');
    expect(train.classNames?.join('')).toBe('abcdefghij');
    expect(Array.from(train.labels.subarray(9_998, 10_002))).toEqual([8, 9, 0, 1]);
    const { data } = train.tensor([9_999, 10_000]);
    expect(data[3071]).toBe(Math.fround(0.2));
    expect(data[3072]).toBe(1);
  });

  it('looks into cifar-10-batches-bin, and takes file URLs', async () => {
    await mkdir(join(folder, 'cifar-10-batches-bin'));
    await writeFile(join(folder, 'cifar-10-batches-bin', 'test_batch.bin'), cifarFile(0));
    for (const dir of [folder, pathToFileURL(folder)]) {
      const test = await datasets.cifar10({ dir, split: 'test' });
      expect(test.length).toBe(10_000);
      expect(test.name).toBe('CIFAR-10 test');
      expect(test.classNames).toBeUndefined();
    }
  });

  it('refuses folders without files, wrong lengths, wrong labels and wrong options', async () => {
    const read = () => datasets.cifar10({ dir: folder, split: 'test' });
    await expect(read()).rejects.toThrow(/dir: expected test_batch.bin \(plain or .gz\) in .*found none/);
    const path = join(folder, 'test_batch.bin');
    await writeFile(path, cifarFile(0).subarray(0, 3073 * 5000));
    await expect(read()).rejects.toThrow(
      /test_batch.bin: expected 30730000 bytes .* found 15365000: the file is truncated/,
    );
    await writeFile(path, new Uint8Array(30_730_001));
    await expect(read()).rejects.toThrow(/bytes after the end/);
    const wrong = cifarFile(0);
    wrong[3073 * 7] = 10;
    await writeFile(path, wrong);
    await expect(read()).rejects.toThrow(/test_batch.bin: expected labels from 0 to 9, found 10 in record 7/);
    await expect(datasets.cifar10({ dir: folder, split: 'all' as 'train' })).rejects.toThrow(
      /split: expected 'train' or 'test'/,
    );
    await expect(datasets.cifar10({ dir: 3 as unknown as string, split: 'test' })).rejects.toThrow(
      /dir: expected a path/,
    );
  });
});

describe('cifar10, tried with whatever bytes', { timeout: 60_000 }, () => {
  const read = () => datasets.cifar10({ dir: folder, split: 'test' });
  const place = () => join(folder, 'test_batch.bin');

  it('reads every record as it was written', async () => {
    const change = fc.tuple(fc.nat(9_999), fc.nat(9), fc.uint8Array({ minLength: 3072, maxLength: 3072 }));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 20 }), async (changes) => {
        const bytes = cifarFile(7);
        for (const [record, label, pixels] of changes) bytes.set([label, ...pixels], 3073 * record);
        await writeFile(place(), bytes);
        const { images, labels } = await read();
        for (const [record] of [...changes, [0]]) {
          const at = 3073 * record;
          expect(labels[record]).toBe(bytes[at]);
          const image = images.subarray(3072 * record, 3072 * (record + 1)) as Uint8Array;
          expect(Buffer.compare(Buffer.from(image), bytes.subarray(at + 1, at + 3073))).toBe(0);
        }
      }),
      { numRuns: 5 },
    );
  });

  it('refuses as data what is no such file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 4000 }), fc.boolean(), async (bytes, zipped) => {
        await writeFile(place(), zipped ? gzipSync(bytes) : bytes);
        await expect(read()).rejects.toMatchObject({ name: 'DataError' });
      }),
    );
  });
});

describe('idx', () => {
  it('reads paths, and names a path that does not exist or is a folder', async () => {
    const images = join(folder, 'images');
    const labels = join(folder, 'labels.gz');
    await writeFile(images, Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 9, 8, 7, 6));
    await writeFile(labels, gzipSync(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 0)));
    const dataset = await datasets.idx({ images, labels: pathToFileURL(labels) });
    expect(Array.from(dataset.images)).toEqual([9, 8, 7, 6]);
    expect(dataset.name).toBe(images);
    await expect(datasets.idx({ images: join(folder, 'none'), labels })).rejects.toThrow(
      /images: expected a file, found none at .*none/,
    );
    await expect(datasets.idx({ images, labels: folder })).rejects.toThrow(/labels: cannot read .*: it is a folder/);
  });

  it('reads over HTTP', async () => {
    const server = await serveHttp((request, response) => {
      if (request.url === '/images') response.end(Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9));
      else if (request.url === '/labels') response.end(Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 1));
      else response.writeHead(request.url === '/broken' ? 500 : 404).end();
    });
    try {
      const labels = new URL('labels', server.url);
      expect((await datasets.idx({ images: `${server.url}images`, labels })).images[0]).toBe(9);
      await expect(datasets.idx({ images: `${server.url}none`, labels })).rejects.toThrow(
        /images: expected a file, found none at/,
      );
      await expect(datasets.idx({ images: `${server.url}broken`, labels })).rejects.toThrow(
        /images: cannot read .*answered 500/,
      );
    } finally {
      server.close();
    }
  });
});

it('posts a dataset to a worker without copying its pixels', async () => {
  const dataset = datasets.synthetic({ count: 3, seed: 0 });
  const worker = new Worker(
    "const { parentPort } = require('node:worker_threads'); parentPort.once('message', ({ images }) => { images[0] = 123; parentPort.postMessage(null); });",
    { eval: true },
  );
  const done = new Promise((resolve) => worker.once('message', resolve));
  worker.postMessage(dataset.toPlain());
  await done;
  await worker.terminate();
  expect(dataset.images[0]).toBe(123);
});

describe.skipIf(!KWTA_DATA)('real data (KWTA_DATA)', { timeout: 60_000 }, () => {
  it('reads Fashion-MNIST', async () => {
    const [train, test] = await Promise.all(
      (['train', 'test'] as const).map((split) => datasets.fashionMnist({ split })),
    );
    expect([train.length, test.length]).toEqual([60_000, 10_000]);
    for (const split of [train, test]) {
      const counts = new Array<number>(10).fill(0);
      for (const label of split.labels) counts[label]++;
      expect(counts).toEqual(new Array<number>(10).fill(split.length / 10));
    }
    expect(Array.from(train.labels.subarray(0, 5))).toEqual([9, 0, 0, 3, 0]);
    expect(train.classNames?.[9]).toBe('ankle boot');
    // The mean that is commonly used to normalise the training images.
    let sum = 0;
    for (const byte of train.images) sum += byte;
    expect(sum / 255 / train.images.length).toBeCloseTo(0.286, 3);
  });

  it('reads CIFAR-10', async () => {
    const dir = join(KWTA_DATA as string, 'cifar-10');
    const test = await datasets.cifar10({ dir, split: 'test' });
    expect(test.length).toBe(10_000);
    expect(test.classNames?.[test.labels[0]]).toBe('cat');
    const train = await datasets.cifar10({ dir, split: 'train' });
    expect(train.length % 10_000).toBe(0);
    expect(train.classNames?.[train.labels[0]]).toBe('frog');
  });
});
