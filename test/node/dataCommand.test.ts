/** `kwta data`: every format that it tells apart, what it says of it, and the sheet. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { batchSheet } from '../../dist/cli/contactSheet.js';
import { kwtaIn } from './command.js';

const fixtures = join(import.meta.dirname, '../fixtures/data');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-command-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

it('tells what image folders hold, and draws them', async () => {
  for (const split of ['train', 'test'])
    await cp(join(fixtures, 'images'), join(folder, 'pets', split), { recursive: true });
  await rm(join(folder, 'pets', 'test', 'cats', 'smooth.jpg'));
  const json = join(folder, 'data.json');
  const ended = await kwtaIn(folder, [
    'data',
    folder,
    '--sheet',
    join(folder, 'sheet.png'),
    '--images',
    '3',
    '--json',
    json,
  ]);
  expect(ended.stderr).toBe('');
  expect(ended.stdout).toContain('train: pets train: 9 images [3, 6, 5], 2 classes');
  expect(ended.stdout).toMatch(/Dogs +4 +44.4 % .*\n +cats +5 +55.6 %/);
  expect(ended.stdout).toContain('8 of the test images are in the training data, too');
  const { splits, duplicates } = JSON.parse(await readFile(json, 'utf8'));
  expect(duplicates).toBe(8);
  expect(splits.test.classes).toEqual([
    { name: 'Dogs', images: 4 },
    { name: 'cats', images: 4 },
  ]);
  expect(splits.train.channels[0].min).toBeGreaterThanOrEqual(0);
  const { width, height, channels, data } = decode(await readFile(join(folder, 'sheet.png')));
  // Two classes of two splits, three images of 6 x 5 each, two pixels between them.
  expect([width, height, channels]).toEqual([2 + 3 * 7, 2 + 4 * 8, 3]);
  expect(Array.from(data.subarray(0, 3))).toEqual([255, 255, 255]);
  const page = await kwtaIn(folder, ['data', folder, '--sheet', join(folder, 'sheet.html')]);
  expect(page.code).toBe(0);
  expect((await readFile(join(folder, 'sheet.html'), 'utf8')).match(/<img src="data:image\/png/g)).toHaveLength(17);
});

it('tells the other formats apart', async () => {
  const record = new Uint8Array(10_000 * 3074);
  const cases: [string, string, Uint8Array, RegExp][] = [
    [
      'svhn',
      'test_32x32.mat',
      await readFile(join(fixtures, 'svhn.mat')),
      /SVHN test: 2 images \[3, 32, 32\], 10 classes/,
    ],
    ['npz', 'test.npz', await readFile(join(fixtures, 'plain.npz')), /npz test: 3 images \[2, 4, 5\], 3 classes/],
    ['hundred', 'test.bin', record, /CIFAR-100 test: 10000 images \[3, 32, 32\], 100 classes/],
  ];
  for (const [name, file, bytes, message] of cases) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, file), bytes);
    const { stdout, stderr } = await kwtaIn(folder, ['data', join(folder, name)]);
    expect(stderr).toBe('');
    expect(stdout).toMatch(message);
  }
});

it('says what it expected, and what is damaged', async () => {
  const empty = await kwtaIn(folder, ['data', folder]);
  expect(empty.code).toBe(2);
  for (const wanted of ['MNIST', 'CIFAR-10', 'CIFAR-100', 'SVHN', 'train.npz', 'folder of PNG or JPEG']) {
    expect(empty.stderr).toContain(wanted);
  }
  await writeFile(join(folder, 'test_32x32.mat'), 'no');
  const damaged = await kwtaIn(folder, ['data', folder]);
  expect([damaged.code, damaged.stderr]).toEqual([
    2,
    expect.stringMatching(/^kwta: data: .*test_32x32.mat: expected a .mat file/),
  ]);
  const sheet = await kwtaIn(folder, ['data', folder, '--sheet', join(folder, 'sheet.txt')]);
  expect(sheet.stderr).toMatch(/expected a file that ends in .png or .html/);
});

it('draws a batch', () => {
  const x = { shape: [3, 1, 2, 2], data: Float32Array.from({ length: 12 }, (_, i) => i / 11) };
  const sheet = batchSheet(x, [1, 0, 1], ['a', '<b>'], 2);
  const { width, height, data } = decode(sheet.png());
  expect([width, height]).toEqual([2 + 2 * 4, 2 + 2 * 4]);
  expect(data[2 * width + 2]).toBe(0);
  expect(data[(2 + 4 + 1) * width + 3]).toBe(255);
  expect(sheet.html()).toContain('&#60;b&#62;, a');
});
