/** Files that are read as they are needed: the same as from memory to the bit, and much less of it. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { attacks, createRuntime, type Dataset, datasets, nn, optim, regimes, type StreamedDataset } from 'kwta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-streams-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** An IDX pair of `count` images: pixel `p` of image `i` is `(31 i + 7 p) mod 251`, its label `i mod 3`. */
async function writeIdx(count: number, side: number): Promise<{ images: string; labels: string }> {
  const header = (magic: number, ...extents: number[]) => {
    const view = new DataView(new ArrayBuffer(4 + 4 * extents.length));
    for (const [i, value] of [magic, ...extents].entries()) view.setUint32(4 * i, value);
    return Array.from(new Uint8Array(view.buffer));
  };
  const size = side * side;
  const pixels = Array.from({ length: count * size }, (_, i) => (31 * Math.floor(i / size) + 7 * (i % size)) % 251);
  const place = { images: join(folder, 'images'), labels: join(folder, 'labels') };
  await writeFile(place.images, Uint8Array.from([...header(0x803, count, side, side), ...pixels]));
  await writeFile(
    place.labels,
    Uint8Array.from([...header(0x801, count), ...Array.from({ length: count }, (_, i) => i % 3)]),
  );
  return place;
}

async function weightsAfter(train: Dataset | StreamedDataset, channels: number, side: number, classes: number) {
  await using runtime = await createRuntime({ threads: 1, deterministic: true });
  const layers = [nn.conv2d({ out: 4, kernel: 3 }), nn.kwta({ gamma: 0.3 }), nn.flatten(), nn.linear({ out: classes })];
  const model = await runtime.model(nn.sequential(layers, { input: [channels, side, side] }), { seed: 1 });
  await model.fit(train, {
    epochs: 2,
    batchSize: 8,
    optimizer: optim.adam({ lr: 0.01 }),
    regime: regimes.adversarial(attacks.fgsm(), { epsilon: 0.05 }),
    augment: [{ type: 'padCrop', padding: 1 }],
  });
  return await model.stateDict();
}

describe('stream: true', { timeout: 60_000 }, () => {
  it('trains on IDX files as from memory, to the bit', async () => {
    const files = await writeIdx(50, 9);
    const stream = await datasets.idx({ ...files, stream: true });
    expect([stream.length, stream.classes, ...stream.shape]).toEqual([50, 3, 1, 9, 9]);
    const held = await datasets.idx(files);
    expect(await weightsAfter(stream, 1, 9, 3)).toEqual(await weightsAfter(held, 1, 9, 3));
    expect((await stream.load()).images).toEqual(held.images);
  });

  it('reads CIFAR records and images in folders by number', async () => {
    for (const batch of [1, 3]) {
      const bytes = new Uint8Array(10_000 * 3073);
      for (let i = 0; i < 10_000; i++) bytes.fill((batch + i) % 256, 3073 * i, 3073 * (i + 1)).set([i % 10], 3073 * i);
      await writeFile(join(folder, `data_batch_${batch}.bin`), bytes);
    }
    const stream = await datasets.cifar10({ dir: folder, split: 'train', stream: true });
    expect(stream.name).toBe('CIFAR-10 train (only data_batch_1, data_batch_3)');
    expect(stream.length).toBe(20_000);
    const held = await datasets.cifar10({ dir: folder, split: 'train' });
    let at = 0;
    for await (const { x, labels } of stream.batches(3000)) {
      const part = held.slice(at, at + labels.length);
      expect(Array.from(labels)).toEqual(Array.from(part.labels));
      expect(x.data[3072]).toBe(part.tensor([1]).data[0]);
      at += labels.length;
    }
    expect(at).toBe(20_000);
    const dir = join(import.meta.dirname, '../fixtures/data/images');
    const pictures = await datasets.imageFolder({ dir, stream: true });
    expect(await pictures.load()).toEqual(await datasets.imageFolder({ dir }));
    expect(await weightsAfter(pictures, 3, 6, 2).catch((error: Error) => error.message)).toMatch(
      /expected images \[3, 6, 6\], got \[3, 6, 5\]/,
    );
  });

  it('refuses files that are zipped, cut, gone or changed since', async () => {
    const files = await writeIdx(20, 5);
    const read = () => datasets.idx({ ...files, stream: true });
    const stream = await read();
    await truncate(files.images, 300);
    await expect(read()).rejects.toThrow(
      /images: expected 516 bytes for shape \[20, 5, 5\], found 300: the file is truncated/,
    );
    await expect(stream.load()).rejects.toThrow(/the file is truncated/);
    await rm(files.images);
    await expect(stream.load()).rejects.toThrow(/expected a file, found none at/);
    await writeFile(files.images, gzipSync(Buffer.alloc(516)));
    await expect(read()).rejects.toThrow(/expected a plain file for a stream, found a gzipped one/);
    await writeFile(join(folder, 'test_batch.bin.gz'), gzipSync(Buffer.alloc(30_730_000)));
    await expect(datasets.cifar10({ dir: folder, split: 'test', stream: true })).rejects.toThrow(
      /expected test_batch.bin \(plain, for a stream\)/,
    );
    await expect(datasets.idx({ images: new Uint8Array(4), labels: files.labels, stream: true })).rejects.toThrow(
      /images: expected a path for a stream, got bytes/,
    );
  });

  it('trains on a file of 400 MB in a process that does not grow by a quarter of it', async () => {
    const count = 400_000;
    const path = join(folder, 'images');
    const file = await open(path, 'w');
    const header = Buffer.alloc(16);
    for (const [i, value] of [0x803, count, 32, 32].entries()) header.writeUInt32BE(value, 4 * i);
    await file.write(header);
    // Holes read as zeros, and take no place on the disk.
    await file.truncate(16 + count * 1024);
    await file.close();
    const labels = Buffer.alloc(8 + count);
    labels.writeUInt32BE(0x801, 0);
    labels.writeUInt32BE(count, 4);
    await writeFile(join(folder, 'labels'), labels);
    const script = `
      import { createRuntime, datasets, nn, optim } from 'kwta';
      const runtime = await createRuntime({ threads: 1 });
      const model = await runtime.model(nn.sequential([nn.flatten(), nn.linear({ out: 2 })], { input: [1, 32, 32] }));
      const train = await datasets.idx({ images: process.argv[1] + '/images', labels: process.argv[1] + '/labels', stream: true });
      let first, most = 0;
      const ending = new AbortController();
      const run = model.fit(train, { epochs: 1, batchSize: 256, optimizer: optim.sgd({ lr: 0.1 }), signal: ending.signal });
      try {
        for await (const { type, step } of run) {
          if (type !== 'batch' || step % 20 > 0) continue;
          const { rss } = process.memoryUsage();
          first ??= rss;
          most = Math.max(most, rss);
          if (step >= 600) ending.abort();
        }
      } catch (error) { if (error.name !== 'AbortError') throw error; }
      await runtime.dispose();
      console.log(JSON.stringify({ growth: most - first }));
    `;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, folder], {
      encoding: 'utf8',
      cwd: join(import.meta.dirname, '../..'),
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout).growth).toBeLessThan(100e6);
  });
});
