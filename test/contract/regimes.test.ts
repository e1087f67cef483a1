/** The regimes of `fit`: replays as in PyTorch, what each does to a network, events and warnings, rules, mixtures. */
import {
  attacks,
  augment,
  ConfigError,
  DataError,
  datasets,
  type EpochEvent,
  type FitOptions,
  nn,
  optim,
  regimes,
} from 'kwta';
import { describe, expect, it } from 'vitest';
// What a run says of itself.
import { overfitted } from '../../ts/train/warnings.js';
import { fixtures, modelOf } from '../fixtures/fixtures.js';
import { describeVariants, expectAllClose, expectError, expectValues, stateAt, useRuntime } from './support.js';
import { stripeNet, stripes } from './toys.js';

const replayed = (await fixtures('regimes')).filter(({ regime }) => regime.type === 'free');

describeVariants('replays as in PyTorch', (runtime) => {
  it.each(replayed.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const { expected, regime, options } = item;
    const model = await runtime().model(modelOf(item));
    await model.loadStateDict(item.stateDict);
    const train = datasets.fromTensors({ images: item.x, labels: item.labels, classes: 5 });
    const optimizer = optim.sgd({ lr: 0.1, momentum: 0.9 });
    const seen: number[] = [];
    for await (const event of model.fit(train, { epochs: 1, optimizer, regime, ...options })) {
      if (event.type === 'batch') seen.push(event.loss);
    }
    expectValues(seen, expected.losses.data, 1e-5, 'losses');
    expectAllClose(await model.stateDict(), expected.stateDictAfter, 1e-4);
  });
});

const data = stripes(120, 1);
const common = { epochs: 1, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }), batchSize: 20 };
const epsilon = 0.15;
const all: [string, FitOptions['regime']][] = [
  ['trades', regimes.trades({ epsilon, steps: 4 })],
  ['free', regimes.free({ epsilon })],
  ['fast', regimes.fast({ epsilon })],
];

describe.each([
  ['ReLU', nn.relu()],
  ['k-WTA', nn.kwta({ gamma: 0.3 })],
] as const)('%s networks', (name, activation) => {
  const runtime = useRuntime({ threads: 1 });
  const robust = async (regime: FitOptions['regime'], epochs: number): Promise<number> => {
    await using model = await runtime().model(stripeNet(activation), { seed: 2 });
    await model.fit(data, { ...common, epochs, regime });
    const test = stripes(60, 2);
    const asked = { x: test.tensor(), labels: test.labels, epsilons: [epsilon] };
    const { success } = await model.attack(attacks.pgd({ steps: 10 }), asked);
    return success[0].filter((broken) => !broken).length;
  };

  it.each(all)('%s makes more robust than natural training', async (type, regime) => {
    const epochs = type === 'free' ? 4 : 12;
    const [natural, trained] = [await robust(regimes.natural(), 12), await robust(regime, epochs)];
    expect(trained, name).toBeGreaterThan(natural);
  });
});

describe('free', () => {
  const runtime = useRuntime({ threads: 1 });

  it('an epoch is a pass over the data with a step for each replay, and schedules count these', async () => {
    const model = await runtime().model(stripeNet(nn.relu()));
    const steps: [number, number][] = [];
    const run = model.fit(data, { ...common, epochs: 2, regime: regimes.free({ epsilon, replays: 3 }) });
    for await (const event of run) if (event.type === 'batch') steps.push([event.step, event.steps]);
    expect(steps).toEqual(Array.from({ length: 36 }, (_, i) => [i + 1, 36]));
  });

  it('hands its perturbation on, and does not go on without it', async () => {
    const model = await runtime().model(stripeNet(nn.relu()));
    const options = { ...common, epochs: 30, regime: regimes.free({ epsilon }) };
    const run = model.fit(data, { ...options, paused: true });
    // There is nothing to be handed on before a step.
    const state = await stateAt(run, 1);
    await run.resume();
    await run;
    const { kept } = state;
    expect(kept?.shape).toEqual([20, 1, 8, 8]);
    expect(kept?.data.every((value) => Math.abs(value) <= Math.fround(epsilon))).toBe(true);
    expect(kept?.data.some((value) => value !== 0)).toBe(true);
    const resume = async (wrong: object) =>
      (await runtime().model(stripeNet(nn.relu()))).fit(data, { ...options, resumeFrom: { ...state, ...wrong } });
    await expectError(resume({ kept: undefined }), DataError, 'resumeFrom.kept', '[20, 1, 8, 8]', 'got none');
    const other = { shape: [10, 1, 8, 8], data: new Float32Array(640) };
    await expectError(resume({ kept: other }), DataError, 'resumeFrom.kept', '[10, 1, 8, 8]');
    await expectError(resume({ kept: 7 }), DataError, 'resumeFrom.kept', 'got 7');
    await expectError(resume({ step: state.step + 1 }), ConfigError, 'resumeFrom.step');
  });
});

describe('fast', () => {
  const runtime = useRuntime({ threads: 1 });

  it('tells after each epoch how training images stand both attacks', async () => {
    const model = await runtime().model(stripeNet(nn.relu()), { seed: 2 });
    const { epochs, warnings } = await model.fit(data, { ...common, epochs: 3, regime: regimes.fast({ epsilon }) });
    for (const { attackedAccuracy } of epochs) {
      expect(attackedAccuracy?.own).toBeLessThanOrEqual(1);
      expect(attackedAccuracy?.pgd).toBeGreaterThanOrEqual(0);
    }
    expect(epochs.some(({ attackedAccuracy }) => (attackedAccuracy?.own ?? 0) > 0)).toBe(true);
    expect(warnings).toBeUndefined();
    const natural = await model.fit(data, common);
    expect(natural.epochs[0].attackedAccuracy).toBeUndefined();
  });

  it('warns when ten steps of PGD leave less than half of what the single step leaves', () => {
    expect(overfitted({ own: 0.9, pgd: 0.1 }, 3)).toMatch(/catastrophic overfitting after epoch 3: 90 % .* 10 %/);
    expect(overfitted({ own: 0.9, pgd: 0.5 }, 3)).toBeUndefined();
    expect(overfitted({ own: 0.15, pgd: 0 }, 3)).toBeUndefined();
  });

  it('a network that overfits to the single step warns, in the epoch and in the history', async () => {
    // Noise is learned by heart, and a step over the whole ball from its middle is the easiest to fool.
    const model = await runtime().model(stripeNet(nn.relu()), { seed: 1 });
    const run = model.fit(stripes(200, 4), {
      ...common,
      epochs: 40,
      optimizer: optim.adam({ lr: 0.02 }),
      regime: regimes.fast({ epsilon: 0.4, stepSize: 0.8 }),
    });
    const warned: EpochEvent[] = [];
    for await (const event of run) if (event.type === 'epoch' && event.warnings !== undefined) warned.push(event);
    const { warnings } = await run;
    expect(warned.length).toBeGreaterThan(0);
    expect(warnings).toEqual(warned.flatMap((event) => event.warnings));
  });
});

describe('rules', () => {
  const runtime = useRuntime({ threads: 1 });
  const begin = async (options: Partial<FitOptions>, spec = stripeNet(nn.relu())) =>
    (await runtime().model(spec)).fit(data, { ...common, ...options });

  it('mixtures go where no attack has one class a sample', async () => {
    const mix = [augment.mixUp({ alpha: 0.4 })];
    for (const regime of [regimes.trades({ epsilon, steps: 1 }), regimes.free({ epsilon, replays: 2 })]) {
      expect((await begin({ regime, augment: mix }).then((run) => run)).epochs[0].loss).toBeGreaterThan(0);
    }
    await expectError(begin({ regime: regimes.fast({ epsilon }), augment: mix }), ConfigError, "'fast'", 'one class');
  });

  it.each([...all, ['adversarial', regimes.adversarial(attacks.fgsm(), { epsilon })] as const])(
    '%s wants another class to be taken for',
    async (type, regime) => {
      const spec = nn.sequential([nn.flatten(), nn.linear({ out: 1 })], { input: [1, 8, 8] });
      const one = datasets.fromTensors({ images: data.take(8).tensor(), labels: new Int32Array(8), classes: 2 });
      const model = await runtime().model(spec);
      await expectError(model.fit(one, { ...common, regime }), ConfigError, 'fit.regime', `'${type}'`, 'has 1');
    },
  );

  it('are held against options that change on resuming', async () => {
    const run = await runtime().model(stripeNet(nn.relu()));
    const first = run.fit(data, { ...common, regime: regimes.trades({ epsilon }), paused: true });
    const state = await stateAt(first, 1);
    await first.resume();
    await first;
    const other = { regime: regimes.trades({ epsilon, beta: 3 }), resumeFrom: state };
    await expectError(begin(other), ConfigError, 'regime', '"beta":6', '"beta":3');
  });
});
