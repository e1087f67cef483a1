/** A training run that is held between two steps, and goes on as if it never had been. */
import { attacks, ConfigError, datasets, nn, optim, regimes } from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError, stateAt, until, useRuntime } from './support.js';
import { stripes } from './toys.js';

const spec = nn.sequential(
  [nn.conv2d({ out: 4, kernel: 3, padding: 1 }), nn.kwta({ gamma: 0.5 }), nn.flatten(), nn.linear({ out: 3 })],
  { input: [1, 8, 8] },
);
const train = stripes(320, 1);
const options = { epochs: 2, batchSize: 16, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }), seed: 3 };
const runtime = useRuntime({ threads: 1, deterministic: true });

describe('a run', () => {
  it('that is held and taken on by steps ends with the same bits', async () => {
    const whole = await runtime().model(spec);
    await whole.fit(train, options);
    const model = await runtime().model(spec);
    const before = await model.stateDict();
    const run = model.fit(train, { ...options, paused: true });
    expect((await run.state()).step).toBe(0);
    expect(await model.stateDict()).toEqual(before);
    for (const step of [1, 2, 5]) expect((await stateAt(run, step)).step).toBe(step);
    await run.resume();
    const history = await run;
    expect(history.epochs).toHaveLength(2);
    expect(await model.stateDict()).toEqual(await whole.stateDict());
  });

  it('takes no step while it is held, and can be attacked', async () => {
    const model = await runtime().model(spec);
    const controller = new AbortController();
    const run = model.fit(train, { ...options, epochs: 10_000, signal: controller.signal });
    for await (const { type } of run) if (type === 'batch') break;
    await run.pause();
    const { step } = await run.state();
    const weights = await model.stateDict();
    const { x, labels } = train.batches(8).next().value ?? { x: train.tensor(), labels: train.labels };
    const { clipped } = await model.attack(attacks.pgd({ steps: 3 }), { x, labels, epsilons: [0.1] });
    expect(clipped[0].shape).toEqual([8, 1, 8, 8]);
    expect((await run.state()).step).toBe(step);
    expect(await model.stateDict()).toEqual(weights);
    await run.resume({ steps: 1 });
    await until(async () => (await run.state()).step === step + 1);
    await expectError(model.dispose(), ConfigError, 'fit is running');
    controller.abort();
    await expect(run).rejects.toThrow('abort');
  });

  it('does not count the time that it is held', async () => {
    const model = await runtime().model(spec);
    const run = model.fit(train, { ...options, epochs: 1, paused: true });
    await run.resume({ steps: 2 });
    await new Promise((resolve) => setTimeout(resolve, 1500));
    await run.resume();
    const { epochs } = await run;
    expect(epochs[0].seconds).toBeLessThan(1.5);
  });

  it('is aborted while it is held, on a stream as well, and gives its model back', async () => {
    const samples = Array.from(train.labels, (label, i) => ({
      x: { shape: [1, 8, 8], data: train.tensor([i]).data },
      label,
    }));
    const plain = { length: samples.length, shape: train.shape, classes: train.classes };
    const stream = await datasets.fromIterable(() => samples, { stream: true, ...plain });
    for (const data of [train, stream]) {
      const model = await runtime().model(spec);
      const controller = new AbortController();
      const run = model.fit(data, { ...options, paused: true, signal: controller.signal });
      await stateAt(run, 0);
      controller.abort();
      await expect(Promise.resolve(run)).rejects.toMatchObject({ name: 'AbortError' });
      await model.dispose();
    }
  });

  it('that has ended cannot be held, and wrong options are refused', async () => {
    const model = await runtime().model(spec);
    const regime = regimes.natural();
    // @ts-expect-error: on purpose.
    expect(() => model.fit(train, { ...options, regime, paused: 1 })).toThrow(
      'fit.paused: expected true or false, got 1',
    );
    const run = model.fit(train, { ...options, epochs: 1 });
    await expectError(run.resume({ steps: 0 }), ConfigError, 'resume.steps', 'got 0');
    await run;
    await expectError(run.pause(), ConfigError, 'pause', 'has ended');
    await expectError(run.resume(), ConfigError, 'resume', 'has ended');
  });
});
