/** How things end: memory that does not suffice, use after dispose, runtimes that cannot be. */
import {
  attacks,
  ConfigError,
  createRuntime,
  DataError,
  DivergedError,
  datasets,
  KwtaError,
  MemoryError,
  nn,
  optim,
  type Runtime,
  ShapeError,
  tensor,
  WorkerLostError,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { caught, expectError, noiseTensor, shared, useRuntime } from './support.js';

describe('memory', () => {
  const runtime = useRuntime();

  it('a batch that does not fit is an error, and the runtime goes on', async () => {
    // 64 MiB an activation and sample; sixty-four samples need more than WebAssembly can address.
    const layers = [nn.conv2d({ out: 4096, kernel: 3, padding: 1 }), nn.relu(), nn.globalAvgPool2d()];
    const model = await runtime().model(nn.sequential(layers, { input: [1, 64, 64] }));
    const x = noiseTensor(1, 64, 1, 64, 64);
    const labels = new Int32Array(64);
    await expectError(model.parameterGradients(x, labels), MemoryError, 'a batch of 64 samples in training', 'MiB');
    await expectError(model.logits(x), MemoryError, 'a batch of 64 samples in evaluation', 'MiB');
    const train = datasets.fromTensors({ images: { ...x, data: x.data.map(Math.abs) }, labels, classes: 4096 });
    const before = await model.stateDict();
    await expectError(model.fit(train, { epochs: 1, optimizer: optim.adam() }), MemoryError, 'a batch of 64 samples');
    expect(await model.stateDict()).toEqual(before);
    const one = { shape: [1, 1, 64, 64], data: x.data.slice(0, 4096) };
    expect((await model.logits(one)).shape).toEqual([1, 4096]);
    await model.dispose();
  });

  it('a model that does not fit is an error, and the runtime goes on', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 2 ** 28 })], { input: [1, 4, 4] });
    await expectError(runtime().model(spec), MemoryError, 'parameters', 'MiB');
    expect((await runtime().functional.relu(tensor([-1, 2], [1, 2]))).data).toEqual(Float32Array.of(0, 2));
  });

  it('is given back: models come and go, and no more is in use', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 2 ** 14, bias: false })], { input: [1, 4, 4] });
    const images = noiseTensor(1, 4, 1, 4, 4);
    const data = datasets.fromTensors({ images: { ...images, data: images.data.map(Math.abs) }, labels: [0, 1, 2, 3] });
    const train = datasets.fromTensors({ images: data.tensor(), labels: data.labels, classes: 2 ** 14 });
    const comeAndGo = async (): Promise<void> => {
      // A mebibyte of parameters, as much of gradients, twice as much for the optimizer.
      const model = await runtime().model(spec);
      await model.fit(train, { epochs: 1, optimizer: optim.adam() });
      await model.attack(attacks.pgd({ steps: 1 }), { x: data.tensor(), labels: data.labels, epsilons: [0.1] });
      await model.dispose();
    };
    await comeAndGo();
    const before = await mebibytesInUse(runtime());
    for (let i = 0; i < 20; i++) await comeAndGo();
    // Fragments may cost a little; what twenty models hold would be eighty.
    expect(await mebibytesInUse(runtime())).toBeLessThan(before + 4);
  });
});

/** What the runtime says when asked for more than there can be. */
async function mebibytesInUse(runtime: Runtime): Promise<number> {
  const failure = await caught(
    runtime.model(nn.sequential([nn.flatten(), nn.linear({ out: 2 ** 28 })], { input: [1, 4, 4] })),
  );
  expect(failure).toBeInstanceOf(MemoryError);
  return Number(/\((\d+) MiB in use\)/.exec((failure as Error).message)?.[1]);
}

describe('after the end', () => {
  const small = nn.sequential([nn.flatten(), nn.linear({ out: 2 })], { input: [1, 2, 2] });
  const x = noiseTensor(1, 1, 1, 2, 2);

  it('a disposed model refuses every call; its runtime lives', async () => {
    await using runtime = await createRuntime({ threads: 1 });
    const model = await runtime.model(small);
    const other = await runtime.model(small);
    await model.dispose();
    await model.dispose();
    const data = datasets.fromTensors({ images: { ...x, data: x.data.map(Math.abs) }, labels: [0] });
    const calls: (() => unknown)[] = [
      () => model.logits(x),
      () => model.predict(x),
      () => model.accuracy(data),
      () => model.inputGradient(x, [0]),
      () => model.parameterGradients(x, [0]),
      () => model.activationPattern(x),
      () => model.stateDict(),
      () => model.loadStateDict({}),
      () => model.save('nowhere'),
      () => model.fit(data, { epochs: 1, optimizer: optim.adam() }),
      () => model.attack(attacks.fgsm(), { x, labels: [0], epsilons: [0.1] }),
    ];
    for (const call of calls) await expectError(call, ConfigError, 'model: used after dispose');
    expect((await other.logits(x)).shape).toEqual([1, 2]);
  });

  it('a disposed runtime refuses every call, and rejects those that were pending', async () => {
    const runtime = await createRuntime({ threads: 1 });
    const model = await runtime.model(small);
    const data = datasets.fromTensors({ images: { ...x, data: x.data.map(Math.abs) }, labels: [0] });
    const run = model.fit(data, { epochs: 1_000_000, optimizer: optim.adam() });
    const pending = [run, model.logits(x), runtime.functional.relu(x)];
    const rejected = Promise.all(pending.map((call) => expectError(call, ConfigError, 'used after dispose')));
    await runtime.dispose();
    await rejected;
    await runtime.dispose();
    await expectError(() => runtime.model(small), ConfigError, 'runtime: used after dispose');
    await expectError(() => runtime.load('nowhere'), ConfigError, 'runtime: used after dispose');
    await expectError(() => runtime.functional.relu(x), ConfigError, 'runtime: used after dispose');
    await expectError(() => model.logits(x), ConfigError, 'used after dispose');
  });
});

describe('createRuntime', () => {
  const create = (options: object) => async (): Promise<Runtime> => createRuntime(options);

  it('checks its options', async () => {
    await expectError(create({ threads: 0 }), ConfigError, 'createRuntime.threads', '>= 1', 'got 0');
    await expectError(create({ threads: 1.5 }), ConfigError, 'createRuntime.threads', 'whole number', 'got 1.5');
    await expectError(create({ variant: 'fast' }), ConfigError, 'createRuntime.variant', "'simd'", '"fast"');
    await expectError(create({ variant: 'simd', threads: 2 }), ConfigError, 'createRuntime.threads', "'simd'", 'got 2');
    await expectError(create({ thread: 2 }), ConfigError, 'createRuntime', "'thread'", 'threads');
  });

  it.skipIf(shared)('without shared memory runs on one thread, and refuses variants that need it', async () => {
    await expectError(create({ variant: 'simd-threads' }), ConfigError, 'shared memory', 'COOP and COEP');
    await using runtime = await createRuntime();
    expect(runtime.info).toEqual({ variant: 'simd', threads: 1, shared: false });
  });

  it.skipIf(!shared)('reports what it runs on', async () => {
    await using runtime = await createRuntime({ threads: 2, deterministic: true });
    expect(runtime.info).toEqual({ variant: 'simd-threads', threads: 2, shared: true });
    await using single = await createRuntime({ variant: 'simd', threads: 1 });
    expect(single.info).toEqual({ variant: 'simd', threads: 1, shared: false });
  });
});

describe('error classes', () => {
  it('have codes of their own, names, and a common base', () => {
    const all = [ShapeError, ConfigError, DataError, DivergedError, WorkerLostError, MemoryError];
    const errors = all.map((type) => new type('text'));
    expect(errors.map(({ code }) => code)).toEqual(
      ['SHAPE', 'CONFIG', 'DATA', 'DIVERGED', 'WORKER_LOST', 'MEMORY'].map((name) => `ERR_KWTA_${name}`),
    );
    for (const [i, error] of errors.entries()) {
      expect(error).toBeInstanceOf(KwtaError);
      expect(error).toBeInstanceOf(Error);
      expect(String(error)).toBe(`${all[i].name}: text`);
    }
  });
});
