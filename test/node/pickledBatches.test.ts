/** CIFAR's files for Python: as NumPy pickles them and as Python 2 did, found by functions and commands; what is wrong is named. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import * as fc from 'fast-check';
import { DataError, datasets } from 'kwta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PickledBytes, readPickledBytes } from '../../ts/io/pickledBytes.js';
import { kwtaIn } from './command.js';

const fixture = (name: string): Promise<Uint8Array> =>
  readFile(path.join(import.meta.dirname, '../fixtures/data/pickled', `${name}.pkl`));

describe('a pickle with an array of bytes', () => {
  it.each(['protocol2', 'protocol3', 'protocol4', 'protocol5', 'numpy1'])('is read (%s)', async (name) => {
    const value = readPickledBytes(name, await fixture(name)) as Map<string, unknown>;
    const data = value.get('data') as PickledBytes;
    expect(data).toBeInstanceOf(PickledBytes);
    expect(data.shape).toEqual([2, 12]);
    expect(Array.from(data.bytes)).toEqual(Array.from({ length: 24 }, (_, i) => (i * 7) % 251));
    expect(value.get('labels')).toEqual([3, 250]);
    expect(value.get('filenames')).toEqual(['a.png', 'ü.png']);
  });

  it.each([
    ['floats', /floats: expected an array of bytes \(uint8\), got one of f4/],
    ['fortran', /fortran: expected an array in C order, got "F"/],
    ['object', /object: expected an array of bytes \(uint8\), got one of O8/],
  ])('of another kind is refused (%s)', async (name, message) => {
    const bytes = await fixture(name);
    expect(() => readPickledBytes(name, bytes)).toThrow(DataError);
    expect(() => readPickledBytes(name, bytes)).toThrow(message);
  });

  it('runs nothing', () => {
    const hostile = new TextEncoder().encode('\u0002cos\nsystem\n(U\u0004true\u0085R.');
    const bytes = Uint8Array.from([0x80, ...hostile.filter((byte) => byte !== 0xc2)]);
    expect(() => readPickledBytes('hostile', bytes)).toThrow(/got os\.system, which is not read/);
  });

  it('that is damaged gives an error or other bytes, and no other failure', async () => {
    const whole = await fixture('protocol4');
    for (let length = 0; length < whole.length; length++)
      expect(() => readPickledBytes('cut', whole.subarray(0, length)), String(length)).toThrow(DataError);
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
        try {
          readPickledBytes(
            'changed',
            whole.map((byte, i) => (i === at ? byte ^ change : byte)),
          );
        } catch (error) {
          expect(error).toBeInstanceOf(DataError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

const records = 10_000;
const pixels = 3072;

/** A pickle of protocol 2, piece by piece, with the texts of Python 2. */
class Python2 {
  readonly #parts: Uint8Array[] = [];

  raw(...parts: (string | number | number[] | Uint8Array)[]): this {
    for (const part of parts) {
      if (typeof part === 'string') this.#parts.push(Uint8Array.from(part, (character) => character.charCodeAt(0)));
      else this.#parts.push(typeof part === 'number' ? Uint8Array.of(part) : Uint8Array.from(part));
    }
    return this;
  }

  text(value: string): this {
    return this.raw('U', value.length, value);
  }

  bytes(value: Uint8Array): this {
    return this.raw('T', new Uint8Array(Uint32Array.of(value.length).buffer), value);
  }

  list(items: readonly (number | string)[]): this {
    this.raw(']', '(');
    for (const item of items) typeof item === 'string' ? this.text(item) : this.raw('K', item);
    return this.raw('e');
  }

  array(shape: readonly [number, number], values: Uint8Array): this {
    const number = (value: number) => ['M', value & 255, value >> 8] as const;
    this.raw('cnumpy.core.multiarray\n_reconstruct\n', 'cnumpy\nndarray\n', 'K', 0, 0x85).text('b').raw(0x87, 'R');
    this.raw('(', 'K', 1, ...number(shape[0]), ...number(shape[1]), 0x86, 'cnumpy\ndtype\n').text('u1');
    this.raw('K', 0, 'K', 1, 0x87, 'R', '(', 'K', 3).text('|').raw('NNN', 'J', [255, 255, 255, 255], 'J');
    return this.raw([255, 255, 255, 255], 'K', 0, 't', 'b', 0x89).bytes(values).raw('t', 'b');
  }

  static dictionary(fill: (pickle: Python2) => void): Uint8Array {
    const pickle = new Python2().raw(0x80, 2, '}', '(');
    fill(pickle);
    return Buffer.concat(pickle.raw('u', '.').#parts);
  }
}

/** Image i: all values i mod 256, label i mod `classes`. */
function batch(labels: Record<string, number>, change = (values: number[]) => values): Uint8Array {
  const data = new Uint8Array(records * pixels);
  for (let i = 0; i < records; i++) data.fill(i % 256, i * pixels, (i + 1) * pixels);
  return Python2.dictionary((pickle) => {
    pickle.text('batch_label').text('testing batch 1 of 1').text('data').array([records, pixels], data);
    for (const [key, classes] of Object.entries(labels))
      pickle.text(key).list(change(Array.from({ length: records }, (_, i) => i % classes)));
  });
}

const names = (count: number, kind = 'class') => Array.from({ length: count }, (_, i) => `${kind} ${i}`);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'kwta-pickled-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe("CIFAR's files for Python", { timeout: 60_000 }, () => {
  it('are CIFAR-10, for a function and a command', async () => {
    const inside = path.join(folder, 'cifar-10-batches-py');
    await mkdir(inside);
    const write = (labels?: (values: number[]) => number[]) =>
      writeFile(path.join(inside, 'test_batch'), batch({ labels: 10 }, labels));
    await write();
    await writeFile(
      path.join(inside, 'batches.meta'),
      Python2.dictionary((pickle) => pickle.text('label_names').list(names(10))),
    );
    for (const dir of [folder, inside]) {
      const test = await datasets.cifar10({ dir, split: 'test' });
      expect([test.name, test.length, test.classes, test.shape]).toEqual(['CIFAR-10 test', records, 10, [3, 32, 32]]);
      expect([test.labels[1234], test.images[1234 * pixels + 7], test.classNames?.[4]]).toEqual([4, 210, 'class 4']);
    }
    const { code, stdout } = await kwtaIn(folder, ['data', '.']);
    expect(code).toBe(0);
    expect(stdout).toContain('CIFAR-10 test');
    await expect(datasets.cifar10({ dir: folder, split: 'train' })).rejects.toThrow(
      /expected data_batch_1\.bin, .* or those for Python in its cifar-10-batches-py, found none/,
    );
    await expect(datasets.cifar10({ dir: folder, split: 'test', stream: true })).rejects.toThrow(
      /expected test_batch\.bin \(plain, for a stream\)/,
    );
    await write((labels) => labels.with(77, 10));
    await expect(datasets.cifar10({ dir: inside, split: 'test' })).rejects.toThrow(
      /test_batch: labels: expected labels from 0 to 9, found 10 in record 77/,
    );
    await write((labels) => labels.slice(1));
    await expect(datasets.cifar10({ dir: inside, split: 'test' })).rejects.toThrow(
      /test_batch: labels: expected a list of 10000 labels, got 9999 values/,
    );
  });

  it('are CIFAR-100, with fine and coarse labels', async () => {
    await writeFile(path.join(folder, 'test'), batch({ coarse_labels: 20, fine_labels: 100 }));
    await writeFile(
      path.join(folder, 'meta'),
      Python2.dictionary((pickle) =>
        pickle.text('fine_label_names').list(names(100)).text('coarse_label_names').list(names(20, 'coarse')),
      ),
    );
    const fine = await datasets.cifar100({ dir: folder, split: 'test' });
    expect([fine.classes, fine.labels[1234], fine.classNames?.[34]]).toEqual([100, 34, 'class 34']);
    const coarse = await datasets.cifar100({ dir: folder, split: 'test', labels: 'coarse' });
    expect([coarse.classes, coarse.labels[1234], coarse.classNames?.[14]]).toEqual([20, 14, 'coarse 14']);
    const { code, stdout } = await kwtaIn(folder, ['data', '.']);
    expect(code).toBe(0);
    expect(stdout).toContain('CIFAR-100 test');
  });
});
