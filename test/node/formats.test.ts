/** Files as Python's libraries write them, read to the byte; cut or changed, refused with their names. */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { DataError, datasets } from 'kwta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import expectedImages from '../fixtures/data/images.json' with { type: 'json' };

const fixtures = join(import.meta.dirname, '../fixtures/data');
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-formats-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

/** As `pattern` of the script that wrote the files. */
const pattern = (length: number): number[] => Array.from({ length }, (_, i) => (i * 7) % 251);

/** Whatever is cut off or changed: a {@link DataError} that names the file, or the same images. */
async function expectNoWrongImages(
  whole: Uint8Array,
  name: string,
  read: (bytes: Uint8Array) => Promise<{ images: ArrayLike<number> }>,
): Promise<void> {
  const { images } = await read(whole);
  const expected = Array.from(images);
  const refused = async (bytes: Uint8Array): Promise<boolean> => {
    try {
      await read(bytes);
      return false;
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      expect((error as Error).message).toContain(name);
      return true;
    }
  };
  for (const share of [0, 0.01, 0.1, 0.5, 0.9, 0.99]) {
    expect(await refused(whole.slice(0, Math.floor(share * whole.length))), `cut to ${share}`).toBe(true);
  }
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const bytes = whole.map((byte, i) => (i === at ? byte ^ change : byte));
      if (await refused(bytes)) return;
      const result = await read(bytes);
      // What no checksum covers is read as it stands: a name, a flag, a pixel that is stored.
      expect(result.images.length % 3 === 0 || Array.from(result.images).join() === expected.join()).toBe(true);
    }),
    { numRuns: 60 },
  );
}

describe('svhn', () => {
  const read = async (file: string | Uint8Array) => {
    if (typeof file === 'string') await cp(join(fixtures, file), join(folder, 'test_32x32.mat'));
    else await writeFile(join(folder, 'test_32x32.mat'), file);
    return datasets.svhn({ dir: folder, split: 'test' });
  };

  it.each(['svhn.mat', 'svhn_compressed.mat', 'svhn_double.mat'])('reads %s as SciPy wrote it', async (file) => {
    const data = await read(file);
    expect(data.shape).toEqual([3, 32, 32]);
    expect(data.name).toBe('SVHN test');
    // 10 is the digit 0.
    expect(Array.from(data.labels)).toEqual([0, 3]);
    expect(Array.from(data.images)).toEqual(pattern(2 * 3072));
    expect(data.classNames?.[3]).toBe('3');
  });

  it('refuses what is cut or damaged', { timeout: 30_000 }, async () => {
    for (const file of ['svhn.mat', 'svhn_compressed.mat']) {
      await expectNoWrongImages(await readFile(join(fixtures, file)), 'test_32x32.mat', read);
    }
  });

  it('refuses other files, and folders without one', async () => {
    await expect(datasets.svhn({ dir: folder, split: 'test' })).rejects.toThrow(
      /expected a file, found none at .*test_32x32/,
    );
    await expect(read(new Uint8Array(500))).rejects.toThrow(/test_32x32.mat: expected a .mat file of level 5/);
    await expect(datasets.svhn({ dir: folder, split: 'all' as 'test' })).rejects.toThrow(
      /'train' or 'test' or 'extra'/,
    );
  });
});

describe('cifar100', { timeout: 30_000 }, () => {
  /** Record i: coarse label i mod 20, fine label i mod 100, all pixels i mod 256. */
  const file = (): Uint8Array => {
    const bytes = new Uint8Array(10_000 * 3074);
    for (let i = 0; i < 10_000; i++) bytes.fill(i % 256, 3074 * i, 3074 * (i + 1)).set([i % 20, i % 100], 3074 * i);
    return bytes;
  };

  it('reads fine or coarse labels with their names', async () => {
    await mkdir(join(folder, 'cifar-100-binary'));
    const path = join(folder, 'cifar-100-binary', 'test.bin');
    await writeFile(path, file());
    const coarse = Array.from({ length: 20 }, (_, i) => `coarse ${i}`);
    await writeFile(join(folder, 'cifar-100-binary', 'coarse_label_names.txt'), `${coarse.join('\n')}\n\n`);
    const fine = await datasets.cifar100({ dir: folder, split: 'test' });
    expect([fine.length, fine.classes, fine.labels[1234], fine.images[1234 * 3072]]).toEqual([
      10_000,
      100,
      34,
      1234 % 256,
    ]);
    const rough = await datasets.cifar100({ dir: folder, split: 'test', labels: 'coarse' });
    expect([rough.classes, rough.labels[1234], rough.classNames?.[14]]).toEqual([20, 14, 'coarse 14']);
    const wrong = file();
    wrong[3074 * 5 + 1] = 100;
    await writeFile(path, wrong);
    await expect(datasets.cifar100({ dir: folder, split: 'test' })).rejects.toThrow(
      /test.bin: expected labels from 0 to 99, found 100 in record 5/,
    );
    await writeFile(path, wrong.subarray(1));
    await expect(datasets.cifar100({ dir: folder, split: 'test' })).rejects.toThrow(
      /test.bin: .*the file is truncated/,
    );
    await expect(datasets.cifar100({ dir: folder, split: 'test', labels: 'all' as 'fine' })).rejects.toThrow(
      /labels: expected 'fine' or 'coarse'/,
    );
  });
});

describe('npz', () => {
  const file = (name: string) => join(fixtures, name);

  it('reads what numpy.savez wrote', async () => {
    const data = await datasets.npz({ file: file('plain.npz') });
    expect(data.shape).toEqual([2, 4, 5]);
    expect(Array.from(data.images)).toEqual(pattern(120));
    expect(Array.from(data.labels)).toEqual([0, 2, 1]);
    expect(data.classes).toBe(3);
    expect(data.name).toBe(file('plain.npz'));
  });

  it.each(['images', 'floats', 'doubles', 'ints', 'nhwc'])(
    'reads %s of what numpy.savez_compressed wrote',
    async (images) => {
      const layout = images === 'nhwc' ? 'nhwc' : 'nchw';
      const { data } = (await datasets.npz({ file: file('kinds.npz'), images, layout })).tensor();
      expect(Array.from(data)).toEqual(pattern(120).map((byte) => Math.fround(byte / 255)));
    },
  );

  it('reads images without channels, labels of floats, and maps others when asked to', async () => {
    const grey = await datasets.npz({ file: file('kinds.npz'), images: 'grey', labels: 'floatLabels' });
    expect(grey.shape).toEqual([1, 4, 5]);
    expect(grey.images[20]).toBe((40 * 7) % 251);
    expect(Array.from(grey.labels)).toEqual([0, 2, 1]);
    const options = { file: file('kinds.npz'), labels: 'signed' };
    await expect(datasets.npz(options)).rejects.toThrow(
      /kinds.npz: signed: expected labels from 0 to 7, found -1 at index 0; mapLabels: true/,
    );
    const mapped = await datasets.npz({ ...options, mapLabels: true });
    expect(Array.from(mapped.labels)).toEqual([0, 1, 0]);
    expect(mapped.classNames).toEqual(['-1', '7']);
  });

  it('names what is missing or of another kind', async () => {
    const read = (options: object) => datasets.npz({ file: file('kinds.npz'), ...options });
    await expect(read({ images: 'x' })).rejects.toThrow(/kinds.npz: expected an array 'x', found images, floats/);
    await expect(read({ images: 'objects' })).rejects.toThrow(/objects.npy: expected numbers .*, found \|O/);
    await expect(read({ images: 'fortran' })).rejects.toThrow(/fortran.npy: expected C order/);
    await expect(read({ images: 'labels' })).rejects.toThrow(
      /labels: expected shape \[n, C, H, W\] or \[n, H, W\], found \[3\]/,
    );
    await expect(read({ labels: 'grey' })).rejects.toThrow(/kinds.npz: grey: expected 3, one for each image/);
    await expect(datasets.npz({ file: join(folder, 'none.npz') })).rejects.toThrow(/file: expected a file, found none/);
    await expect(datasets.npz({ file: new Uint8Array(40) })).rejects.toThrow(/expected a zip archive/);
  });

  it('refuses what is cut or damaged', { timeout: 30_000 }, async () => {
    for (const name of ['plain.npz', 'kinds.npz']) {
      const path = join(folder, name);
      await expectNoWrongImages(await readFile(file(name)), name, async (bytes) => {
        await writeFile(path, bytes);
        return datasets.npz({ file: path });
      });
    }
  });
});

describe('imageFolder', () => {
  const dir = join(fixtures, 'images');
  /** In the order of torchvision: by name, capitals first. */
  const names = ['Dogs/l.png', 'Dogs/p.png', 'Dogs/rgb.png', 'Dogs/rgba.png'].concat([
    'cats/l.png',
    'cats/p.png',
    'cats/rgb.png',
    'cats/rgba.png',
    'cats/smooth.jpg',
  ]);

  it.each([
    ['rgb', 3],
    ['grey', 1],
  ] as const)('reads PNG of every kind and JPEG in %s', async (kind, channels) => {
    const data = await datasets.imageFolder({ dir, channels });
    expect(data.shape).toEqual([channels, 6, 5]);
    expect(data.classNames).toEqual(['Dogs', 'cats']);
    expect(Array.from(data.labels)).toEqual([0, 0, 0, 0, 1, 1, 1, 1, 1]);
    const size = channels * 30;
    for (const [i, name] of names.entries()) {
      const image = Array.from(data.images.subarray(i * size, (i + 1) * size));
      const expected = expectedImages[name as keyof typeof expectedImages][kind];
      const tolerance = name.endsWith('.jpg') ? 4 : 0;
      const far = image.filter((pixel, p) => Math.abs(pixel - expected[p]) > tolerance);
      expect(far, name).toEqual([]);
    }
  });

  it('wants one size, or makes it', async () => {
    await cp(dir, folder, { recursive: true });
    const { encode } = await import('fast-png');
    const ramp = Uint8Array.from({ length: 8 * 4 }, (_, i) => 10 * (i % 4));
    const png = encode({ width: 4, height: 8, channels: 1, depth: 8, data: ramp });
    await writeFile(join(folder, 'cats', 'z.png'), png);
    await expect(datasets.imageFolder({ dir: folder })).rejects.toThrow(
      /z.png: expected 6 x 5 pixels, as .*Dogs.l.png has, found 8 x 4 pixels; size: /,
    );
    const data = await datasets.imageFolder({ dir: folder, channels: 1, size: [3, 2] });
    expect(data.shape).toEqual([1, 3, 2]);
    // Two columns in place of four: between the first two and the last two.
    expect(Array.from(data.images.subarray(-6))).toEqual([5, 25, 5, 25, 5, 25]);
  });

  it('names the file that is damaged, and says what it expects', async () => {
    await expect(datasets.imageFolder({ dir: join(folder, 'none') })).rejects.toThrow(
      /dir: expected a folder, found none/,
    );
    await expect(datasets.imageFolder({ dir: folder })).rejects.toThrow(
      /at least two folders with images .* found none/,
    );
    await expect(datasets.imageFolder({ dir, channels: 2 as 1 })).rejects.toThrow(/channels: expected '1' or '3'/);
    await expect(datasets.imageFolder({ dir, size: [0, 3] })).rejects.toThrow(/size: expected a whole number >= 1/);
    for (const file of ['cats/rgb.png', 'cats/smooth.jpg']) {
      await cp(dir, folder, { recursive: true });
      const bytes = await readFile(join(folder, file));
      for (const wrong of [bytes.subarray(0, 40), bytes.subarray(0, 0), Buffer.alloc(100, 7)]) {
        await writeFile(join(folder, file), wrong);
        const error = await datasets.imageFolder({ dir: folder }).catch((reason: unknown) => reason);
        expect(error).toBeInstanceOf(DataError);
        expect((error as Error).message).toContain(join(folder, file));
      }
    }
  });
});
