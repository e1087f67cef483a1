/** Two copies of the package in one process, and arrays of another realm: told by what they are, not by their class. */
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { runInNewContext } from 'node:vm';
import * as kwta from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { datasets, models, nn, optim, attacks, tensor } = kwta;
const spec = models.smallCnn({ activation: nn.relu() });

describe('another copy of the package', () => {
  let folder: string;
  let other: typeof kwta;
  let runtime: kwta.Runtime;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kwta-copy-'));
    for (const name of ['dist', 'package.json']) await cp(join(root, name), join(folder, name), { recursive: true });
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
    other = (await import(pathToFileURL(join(folder, 'dist/index.js')).href)) as typeof kwta;
    runtime = await kwta.createRuntime({ threads: 1 });
  });

  afterAll(async () => {
    await runtime?.dispose();
    await rm(folder, { recursive: true });
  });

  it("brings datasets that train, validate and evaluate this one's models", async () => {
    const data = other.datasets.synthetic({ count: 40, seed: 2 });
    expect(data).not.toBeInstanceOf(kwta.Dataset);
    const model = await runtime.model(other.models.smallCnn({ activation: other.nn.relu() }));
    const { epochs } = await model.fit(data, { epochs: 1, optimizer: other.optim.adam(), validation: data.take(7) });
    expect(epochs[0].validationAccuracy).toBeDefined();
    const same = datasets.synthetic({ count: 40, seed: 2 });
    expect(await model.accuracy(data)).toBe(await model.accuracy(same));
    const report = await kwta.evaluateRobustness(model, data, {
      epsilons: [0.1],
      attacks: [other.attacks.fgsm()],
      samples: 5,
    });
    expect(report.clean.total).toBe(5);
  });

  it('refuses what only looks like a dataset', async () => {
    const model = await runtime.model(spec);
    class Dataset {}
    for (const wrong of [new Dataset(), { ...datasets.synthetic({ count: 1, seed: 0 }) }, null, 'data']) {
      await expect(model.accuracy(wrong as unknown as kwta.Dataset)).rejects.toThrow(
        /data: expected a dataset made by datasets/,
      );
      expect(() => model.fit(wrong as unknown as kwta.Dataset, { epochs: 1, optimizer: optim.adam() })).toThrow(
        kwta.ConfigError,
      );
    }
  });

  it('exchanges tensors and parameters', async () => {
    await using second = await other.createRuntime({ threads: 1 });
    const theirs = await second.model(spec, { seed: 4 });
    const ours = await runtime.model(spec);
    await ours.loadStateDict(await theirs.stateDict());
    const x = other.tensor(new Float32Array(784).fill(0.5), [1, 1, 28, 28]);
    expect(await ours.logits(x)).toEqual(await theirs.logits(x));
  });
});

describe('values of another realm', () => {
  it('make tensors and datasets', () => {
    const data = runInNewContext('new Float32Array([0, 0.5, 1, 0.25])') as Float32Array;
    expect(data).not.toBeInstanceOf(Float32Array);
    expect(tensor(data, [2, 1, 1, 2]).data).toBe(data);
    const labels = runInNewContext('[1, 0]') as number[];
    const shape = runInNewContext('[2, 1, 1, 2]') as number[];
    const made = datasets.fromTensors({ images: { shape, data }, labels });
    expect(Array.from(made.tensor([1, 0]).data)).toEqual([1, 0.25, 0, 0.5]);
    const fields = runInNewContext(
      "({ name: 'x', shape: [1, 1, 2], classes: 2, images: new Uint8Array([0, 255, 51, 0]), labels: new Int32Array([1, 0]) })",
    ) as ConstructorParameters<typeof kwta.Dataset>[0];
    const bytes = new kwta.Dataset(fields);
    expect(Array.from(bytes.subset([1]).tensor().data)).toEqual([Math.fround(0.2), 0]);
  });

  it('are bytes of a file, and a place to look for one', async () => {
    const images = runInNewContext(
      'new Uint8Array([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8])',
    ) as Uint8Array;
    const labels = runInNewContext('new Uint8Array([0, 0, 8, 1, 0, 0, 0, 1, 1])') as Uint8Array;
    expect(Array.from((await datasets.idx({ images, labels })).images)).toEqual([7, 8]);
    // What a page's or a test environment's own URL class makes.
    const url = runInNewContext(
      "new (class URL { href = 'file:///nowhere/x'; get [Symbol.toStringTag]() { return 'URL'; } toString() { return this.href; } })()",
    ) as URL;
    await expect(datasets.idx({ images: url, labels })).rejects.toThrow(/images: expected a file, found none at file:/);
    await expect(datasets.cifar10({ dir: url, split: 'test' })).rejects.toThrow(/dir: expected test_batch.bin/);
  });

  it('that are not the right kind are named', () => {
    const images = tensor([0, 1], [2, 1, 1, 1]);
    const fields = { name: 'x', shape: [1, 1, 1] as [number, number, number], classes: 2 };
    const labels = Int32Array.of(0, 1);
    expect(
      () => new kwta.Dataset({ ...fields, images: new Float64Array(2) as unknown as Float32Array, labels }),
    ).toThrow(/images: expected a Uint8Array or a Float32Array, got Float64Array/);
    // As 32-bit integers the bytes would be others.
    expect(
      () =>
        new kwta.Dataset({ ...fields, images: new Uint8Array(2), labels: new Uint8Array(2) as unknown as Int32Array }),
    ).toThrow(/labels: expected an Int32Array, got Uint8Array/);
    expect(() => tensor(new BigInt64Array(2) as unknown as number[], [2])).toThrow(
      /tensor: expected numbers, got 0n \(a bigint\) at index 0/,
    );
    expect(() => datasets.fromTensors({ images, labels: [0, 2 ** 32] })).toThrow(
      /from 0 to 2147483647, got 4294967296/,
    );
  });
});

describe('labels that are bigints', () => {
  const bigints = [BigInt64Array.of(1n, 0n), BigUint64Array.of(1n, 0n), [1n, 0n]] as unknown as Int32Array[];
  const message = /labels: expected whole numbers from 0 to \d+, got 1n \(a bigint\) at index 0/;

  it('are named wherever labels are taken', async () => {
    await using runtime = await kwta.createRuntime({ threads: 1 });
    await using model = await runtime.model(spec);
    const x = { shape: [2, 1, 28, 28], data: new Float32Array(1568) };
    for (const labels of bigints) {
      expect(() => datasets.fromTensors({ images: x, labels })).toThrow(message);
      const calls = [
        model.inputGradient(x, labels),
        model.parameterGradients(x, labels),
        model.attack(attacks.fgsm(), { x, labels, epsilons: [0.1] }),
        runtime.functional.crossEntropy({ shape: [2, 3], data: new Float32Array(6) }, { labels }),
      ];
      for (const call of await Promise.allSettled(calls)) {
        expect(call).toMatchObject({ status: 'rejected', reason: { name: 'DataError' } });
        expect((call as PromiseRejectedResult).reason.message).toMatch(message);
      }
      expect(() => new kwta.Dataset({ name: 'x', shape: [1, 28, 28], classes: 2, images: x.data, labels })).toThrow(
        kwta.ShapeError,
      );
    }
  });
});
