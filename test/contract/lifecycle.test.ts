/** How things end: use after dispose, runtimes that cannot be. */
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
  WorkerLostError,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError, noiseTensor, shared } from './support.js';

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
