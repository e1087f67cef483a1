/** Datasets from memory: the same in Node and in browsers. */
import { ConfigError, DataError, Dataset, datasets, ShapeError } from 'kwta';
import { describe, expect, it } from 'vitest';
// The figures are drawn, not exported; their names must be those of the classes.
import { FIGURES } from '../../dist/data/figures.js';
import { expectError } from './support.js';

/** Seven samples of 2 x 1 x 3 pixels: pixel p of sample s is the byte 10 s + p. */
function small(): Dataset {
  const images = Uint8Array.from({ length: 42 }, (_, i) => 10 * Math.floor(i / 6) + (i % 6));
  return new Dataset({
    name: 'small',
    shape: [2, 1, 3],
    classes: 4,
    images,
    labels: Int32Array.of(0, 1, 2, 3, 0, 1, 2),
  });
}

/** The number of the sample each image came from. */
const origins = (dataset: Dataset): number[] =>
  Array.from({ length: dataset.length }, (_, i) => dataset.images[6 * i] / 10);

/** FNV-1a, to pin bytes. */
function hash(bytes: ArrayLike<number>): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) value = Math.imul(value ^ bytes[i], 0x01000193);
  return value >>> 0;
}

describe('Dataset', () => {
  it('takes and slices without copying', () => {
    const all = small();
    const part = all.slice(2, 5);
    expect(part.length).toBe(3);
    expect(origins(part)).toEqual([2, 3, 4]);
    expect(Array.from(part.labels)).toEqual([2, 3, 0]);
    expect(part.images.buffer).toBe(all.images.buffer);
    expect(origins(all.take(2))).toEqual([0, 1]);
    expect(origins(all.take(7))).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it.each([0, 8, -1, 1.5, Number.NaN, '3'])('refuses take(%s)', (n) => {
    expect(() => small().take(n as number)).toThrow(ConfigError);
    expect(() => small().take(n as number)).toThrow(/take\(n\): expected a whole number from 1 to 7/);
  });

  it('refuses empty and reversed slices, and indices out of range', () => {
    expect(() => small().slice(3, 3)).toThrow(/0 <= start < end <= 7, got 3 and 3/);
    expect(() => small().slice(5, 9)).toThrow(ConfigError);
    expect(() => small().subset([])).toThrow(/at least one index/);
    expect(() => small().subset([7])).toThrow(/from 0 to 6, got 7/);
    expect(() => small().tensor([-1])).toThrow(/from 0 to 6, got -1/);
  });

  it('shuffles the same way for the same seed, images with their labels', () => {
    const first = small().shuffle(3);
    const order = origins(first);
    expect(order).not.toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect([...order].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(Array.from(first.labels)).toEqual(order.map((s) => s % 4));
    expect(origins(small().shuffle(3))).toEqual(order);
    expect(origins(small().shuffle(4))).not.toEqual(order);
  });

  it('gives tensors of byte / 255, correctly rounded', () => {
    const { shape, data } = small().tensor([6, 0]);
    expect(shape).toEqual([2, 2, 1, 3]);
    expect(Array.from(data.subarray(0, 6))).toEqual([60, 61, 62, 63, 64, 65].map((byte) => Math.fround(byte / 255)));
    expect(data[6]).toBe(0);
    expect(small().tensor().data.length).toBe(42);
  });

  it('gives batches in order, the last one smaller', () => {
    const batches = [...small().batches(3)];
    expect(batches.map(({ x }) => x.shape)).toEqual([
      [3, 2, 1, 3],
      [3, 2, 1, 3],
      [1, 2, 1, 3],
    ]);
    expect(batches.flatMap(({ labels }) => Array.from(labels))).toEqual([0, 1, 2, 3, 0, 1, 2]);
    expect(batches[2].x.data[5]).toBe(Math.fround(65 / 255));
    expect(() => [...small().batches(0)]).toThrow(/batches\(n\): expected a whole number >= 1, got 0/);
  });

  it('survives structured cloning, and posts no more than the slice', () => {
    const slice = small().slice(2, 5);
    const plain = slice.toPlain();
    const shared = typeof SharedArrayBuffer !== 'undefined' && plain.images.buffer instanceof SharedArrayBuffer;
    if (!shared) expect(plain.images.buffer.byteLength).toBe(18);
    const back = Dataset.fromPlain(shared ? plain : structuredClone(plain));
    expect(origins(back)).toEqual([2, 3, 4]);
    expect(back.tensor()).toEqual(slice.tensor());
    expect(back.name).toBe('small');
  });

  it('refuses fields that do not fit each other', () => {
    const images = new Uint8Array(12);
    const fields = {
      name: 'x',
      shape: [1, 2, 3] as [number, number, number],
      classes: 2,
      images,
      labels: Int32Array.of(0, 1),
    };
    expect(new Dataset(fields).length).toBe(2);
    expect(() => new Dataset({ ...fields, images: new Uint8Array(11) })).toThrow(ShapeError);
    expect(() => new Dataset({ ...fields, labels: Int32Array.of(0, 2) })).toThrow(
      /labels: expected whole numbers from 0 to 1, got 2 at index 1/,
    );
    expect(() => new Dataset({ ...fields, classNames: ['one'] })).toThrow(/expected 2 names, got 1/);
    expect(() => new Dataset({ ...fields, classes: 1 })).toThrow(ConfigError);
  });
});

describe('fromTensors', () => {
  const images = () => ({ shape: [2, 1, 1, 2], data: Float32Array.of(0, 0.25, 0.5, 1) });

  it('copies pixels and labels', () => {
    const own = images();
    const dataset = datasets.fromTensors({ images: own, labels: [1, 0], classes: 3 });
    own.data[0] = 0.7;
    expect(Array.from(dataset.tensor().data)).toEqual([0, 0.25, 0.5, 1]);
    expect(dataset.classes).toBe(3);
    expect(datasets.fromTensors({ images: images(), labels: [0, 4] }).classes).toBe(5);
  });

  it.each([
    [
      'a wrong rank',
      { images: { shape: [2, 2], data: new Float32Array(4) }, labels: [0, 1] },
      ShapeError,
      /images: expected 4 dimensions/,
    ],
    ['a wrong count', { images: images(), labels: [0] }, ShapeError, /labels: expected 2, one for each sample, got 1/],
    [
      'no labels',
      { images: images(), labels: undefined as unknown as number[] },
      ShapeError,
      /labels: expected an array/,
    ],
    ['a label too high', { images: images(), labels: [0, 3], classes: 3 }, DataError, /from 0 to 2, got 3 at index 1/],
    [
      'no labels to map',
      { images: images(), labels: undefined as never, mapLabels: true },
      ShapeError,
      /labels: expected/,
    ],
    ['a fractional label', { images: images(), labels: [0, 0.5] }, DataError, /got 0.5 at index 1/],
    ['a negative label', { images: images(), labels: [-1, 0] }, DataError, /got -1 at index 0/],
    [
      'one class',
      { images: images(), labels: [0, 0], classes: 1 },
      ConfigError,
      /classes: expected a whole number >= 2 .*, got 1/,
    ],
  ])('refuses %s', (_, options, type, message) => {
    expect(() => datasets.fromTensors(options)).toThrow(type);
    expect(() => datasets.fromTensors(options)).toThrow(message);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, -0.01, 1.01])('refuses the pixel %s', (pixel) => {
    const wrong = images();
    wrong.data[3] = pixel;
    const make = () => datasets.fromTensors({ images: wrong, labels: [0, 1] });
    expect(make).toThrow(DataError);
    expect(make).toThrow(/expected pixels from 0 to 1, got .* at index 3/);
  });
});

describe('synthetic', () => {
  it('draws the same bytes on every platform', () => {
    const dataset = datasets.synthetic({ count: 50, seed: 7 });
    expect(dataset.shape).toEqual([1, 28, 28]);
    expect(hash(dataset.images)).toBe(2591625064);
    expect(hash(dataset.labels)).toBe(3881756186);
  });

  it('makes image i depend on the seed and i alone', () => {
    const few = datasets.synthetic({ count: 13, seed: 7 });
    const many = datasets.synthetic({ count: 40, seed: 7 });
    expect(few.images).toEqual(many.take(13).images.slice());
    expect(few.labels).toEqual(many.take(13).labels.slice());
    expect(datasets.synthetic({ count: 13, seed: 8 }).images).not.toEqual(few.images);
  });

  it('holds each class once in every ten images, in no fixed order', () => {
    const { labels, classNames } = datasets.synthetic({ count: 40, seed: 0 });
    const groups = [0, 1, 2, 3].map((g) => Array.from(labels.subarray(10 * g, 10 * g + 10)));
    for (const group of groups) expect([...group].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(groups[0]).not.toEqual(groups[1]);
    expect(classNames).toEqual(FIGURES.map(({ name }) => name));
  });

  it('draws figures that stand out from the background', () => {
    const { images } = datasets.synthetic({ count: 20, seed: 1 });
    for (let i = 0; i < 20; i++) {
      const sorted = Array.from(images.subarray(784 * i, 784 * (i + 1))).sort((a, b) => a - b);
      expect(sorted[783 - 20] - sorted[392]).toBeGreaterThan(0.35 * 255);
    }
  });

  it.each([0, -1, 2.5, Number.NaN])('refuses count %s', (count) => {
    expect(() => datasets.synthetic({ count, seed: 0 })).toThrow(/count: expected a whole number >= 1/);
  });

  it.each([-1, 0.5, 2 ** 53])('refuses seed %s', (seed) => {
    expect(() => datasets.synthetic({ count: 1, seed })).toThrow(/seed: expected a whole number from 0 to 2\^53 - 1/);
  });
});

/** An IDX file of bytes. */
function idxFile(shape: number[], values: ArrayLike<number>, type = 8): Uint8Array {
  const header = [
    0,
    0,
    type,
    shape.length,
    ...shape.flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]),
  ];
  return Uint8Array.from([...header, ...Array.from(values)]);
}

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

describe('idx', () => {
  const images = idxFile([3, 2, 2], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
  const labels = idxFile([3], [2, 0, 1]);

  it('reads plain and gzipped files', async () => {
    const plain = await datasets.idx({ images, labels, name: 'tiny' });
    const zipped = await datasets.idx({ images: await gzip(images), labels: await gzip(labels), name: 'tiny' });
    for (const dataset of [plain, zipped]) {
      expect(dataset.shape).toEqual([1, 2, 2]);
      expect(dataset.classes).toBe(3);
      expect(dataset.name).toBe('tiny');
      expect(Array.from(dataset.labels)).toEqual([2, 0, 1]);
      expect(Array.from(dataset.images)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]);
    }
    expect((await datasets.idx({ images, labels, classes: 10 })).classes).toBe(10);
  });

  it('reads a view in the middle of a buffer', async () => {
    const padded = new Uint8Array(images.length + 7);
    padded.set(images, 3);
    const dataset = await datasets.idx({ images: padded.subarray(3, 3 + images.length), labels });
    expect(dataset.images[11]).toBe(255);
  });

  it.each([
    [
      'a truncated file',
      { images: images.subarray(0, images.length - 1), labels },
      /images: expected 28 bytes for shape \[3, 2, 2\], found 27: the file is truncated/,
    ],
    [
      'bytes after the end',
      { images, labels: Uint8Array.from([...labels, 0]) },
      /labels: expected 11 bytes .* found 12: there are bytes after the end/,
    ],
    [
      'a truncated header',
      { images: images.subarray(0, 10), labels },
      /images: expected a header of 16 bytes, found only 10/,
    ],
    ['an empty file', { images: new Uint8Array(0), labels }, /images: expected an IDX file, found only 0 bytes/],
    [
      'another format',
      { images: Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), labels },
      /images: expected an IDX file .* found 89 50 4e 47/,
    ],
    [
      'another type',
      { images: idxFile([3, 2, 2], new Uint8Array(48), 13), labels },
      /expected unsigned bytes \(type 8\), found floats \(type 13\)/,
    ],
    [
      'swapped files',
      { images: labels, labels: images },
      /images: expected 3 dimensions \(images, rows, columns\), found 1/,
    ],
    [
      'no images',
      { images: idxFile([0, 2, 2], []), labels: idxFile([0], []) },
      /images: expected at least one of images, found shape \[0, 2, 2\]/,
    ],
    [
      'counts that differ',
      { images, labels: idxFile([2], [0, 1]) },
      /labels: expected one label for each of the 3 images of images, found 2/,
    ],
    ['a label out of range', { images, labels, classes: 2 }, /labels: expected labels from 0 to 1, found 2 at index 0/],
    [
      'something else',
      { images: 7 as unknown as string, labels },
      /images: expected a path, a URL or a Uint8Array, got 7/,
    ],
  ])('refuses %s', async (_, options, message) => {
    const error = await datasets.idx(options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(message);
  });

  it('refuses a damaged gzip file', async () => {
    const zipped = await gzip(images);
    await expect(datasets.idx({ images: zipped.subarray(0, zipped.length - 9), labels })).rejects.toThrow(
      /images: expected gzip data, but they are damaged or truncated/,
    );
  });
});

describe('options of datasets', () => {
  const makers: [name: string, make: (options: never) => unknown, options: object][] = [
    ['synthetic', datasets.synthetic, { count: 10, seed: 1 }],
    ['fromTensors', datasets.fromTensors, { images: { shape: [1, 1, 1, 1], data: new Float32Array(1) }, labels: [0] }],
    ['idx', datasets.idx, { images: new Uint8Array(), labels: new Uint8Array() }],
    ['cifar10', datasets.cifar10, { dir: 'nowhere', split: 'test' }],
  ];

  it.each(makers)('of %s are an object without misspelt keys', async (name, make, options) => {
    for (const wrong of [undefined, null, 3]) {
      await expectError(async () => make(wrong as never), ConfigError, name, 'an options object', String(wrong));
    }
    await expectError(async () => make({ ...options, sead: 1 } as never), ConfigError, name, "'sead'");
  });
});
