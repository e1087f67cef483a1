/** Options of training: the figures that PyTorch gives, rules between options, and the same bits after every stop. */
import { ConfigError, datasets, type FitOptions, nn, optim, schedules } from 'kwta';
import { describe, expect, it } from 'vitest';
// Gamma itself shows nowhere in a run.
import { annealed } from '../../ts/train/schedules/anneal.js';
import { fixtures, modelOf } from '../fixtures/fixtures.js';
import { describeVariants, expectAllClose, expectError, expectValues, useRuntime } from './support.js';
import { stripeNet, stripes } from './toys.js';

const runs = await fixtures('training');
const rates = await fixtures('schedules');

describeVariants('as in PyTorch', (runtime) => {
  it.each(runs.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const model = await runtime().model(modelOf(item));
    await model.loadStateDict(item.stateDict);
    const train = datasets.fromTensors({ images: item.x, labels: item.labels, classes: 5 });
    const seen: number[] = [];
    const options = { epochs: item.losses.length, optimizer: optim.sgd(item.optimizer), ...item.options };
    for await (const event of model.fit(train, options)) if (event.type === 'batch') seen.push(event.loss);
    expectValues(seen, item.losses, 1e-5, 'losses');
    expectAllClose(await model.stateDict(), item.stateDictAfter, 1e-4);
  });
});

const data = stripes(30, 1);
const small = nn.sequential([nn.flatten(), nn.linear({ out: 3 })], { input: [1, 8, 8] });

describe('schedules', () => {
  const runtime = useRuntime();

  it.each(rates.map((item) => [item.name, item] as const))('%s: the rates of PyTorch', async (_, item) => {
    const { perEpoch, epochs, schedule: lr, factors } = item;
    const model = await runtime().model(small);
    const seen: number[] = [];
    const run = model.fit(data, { epochs, batchSize: 30 / perEpoch, lr, optimizer: optim.sgd({ lr: 1 }) });
    for await (const event of run) if (event.type === 'batch') seen.push(event.lr);
    expectValues(seen, factors, 1e-6, 'rates');
  });

  it.each([
    [schedules.linear({ from: 0.5, to: 0.2 }), [0.5, 0.4, 0.3, 0.2]],
    [schedules.linear({ from: 0.2, to: 0.5, epochs: 2 }), [0.2, 0.5, 0.5, 0.5]],
    [schedules.linear({ from: 0.2, to: 0.5, epochs: 1 }), [0.5, 0.5, 0.5, 0.5]],
    [schedules.cosine({ from: 0.5, to: 0.1 }), [0.5, 0.4, 0.2, 0.1]],
    [schedules.anneal({ from: 0.5, to: 0.2, by: 0.2, every: 2 }), [0.5, 0.5, 0.3, 0.3]],
  ])('of gamma: %j', (gamma, values) => {
    expect(values.map((_, epoch) => annealed(gamma, epoch, 4))).toEqual(values);
  });
});

describe('rules between options', () => {
  const runtime = useRuntime();
  const common = { epochs: 2, optimizer: optim.adam() };
  const begin = async (options: Partial<FitOptions>) =>
    (await runtime().model(small)).fit(data, { ...common, ...options });

  it('are told', async () => {
    await expectError(begin({ ema: { decay: 0.9 }, swa: { from: 0 } }), ConfigError, 'fit', 'ema or swa');
    await expectError(begin({ swa: { from: 2 } }), ConfigError, 'swa.from below the 2 epochs', 'got 2');
    await expectError(begin({ estimateStatistics: true }), ConfigError, 'gamma', 'estimateStatistics');
    await expectError(begin({ earlyStop: { patience: 1 } }), ConfigError, 'fit.earlyStop', 'validation');
    await expectError(begin({ classWeights: [1, 1] }), ConfigError, 'fit.classWeights', '3', 'got 2');
    await expectError(begin({ classWeights: [1, 0, 1] }), ConfigError, 'fit.classWeights[1]');
    await expectError(begin({ clipGradient: 0 }), ConfigError, 'fit.clipGradient');
    await expectError(begin({ labelSmoothing: 1 }), ConfigError, 'fit.labelSmoothing');
    await expectError(begin({ ema: { decay: 1 } }), ConfigError, 'fit.ema.decay');
  });
});

describe('a run that is stopped early', () => {
  const runtime = useRuntime();

  it('ends when validation has not become better for so many epochs', async () => {
    const model = await runtime().model(stripeNet(nn.relu()), { seed: 1 });
    // No step moves anything that could be seen.
    const optimizer = optim.sgd({ lr: 1e-12 });
    const { epochs } = await model.fit(data, {
      epochs: 20,
      optimizer,
      validation: data.take(12),
      earlyStop: { patience: 3 },
    });
    expect(new Set(epochs.map(({ validationAccuracy }) => validationAccuracy)).size).toBeLessThan(4);
    const accuracies = epochs.map(({ validationAccuracy }) => validationAccuracy as number);
    const best = accuracies.indexOf(Math.max(...accuracies));
    expect(epochs.length).toBe(best + 4);
  });

  it('has its averaged weights in the end, and what was validated last', async () => {
    const model = await runtime().model(stripeNet(nn.kwta({ gamma: 0.3 })), { seed: 1 });
    const validation = stripes(40, 3);
    const options = { epochs: 3, batchSize: 10, optimizer: optim.adam({ lr: 0.01 }), validation };
    for (const average of [{ ema: { decay: 0.7 } }, { swa: { from: 1 } }]) {
      const { epochs } = await model.fit(data, { ...options, ...average });
      expect(await model.accuracy(validation)).toBe(epochs[2].validationAccuracy);
    }
  });
});
