/** A run's state as a value: a run that goes on from it ends as one that was never stopped. */
import {
  attacks,
  ConfigError,
  createRuntime,
  DataError,
  type FitOptions,
  nn,
  optim,
  type RuntimeOptions,
  regimes,
  ShapeError,
  schedules,
  type Tensor,
  type TrainState,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { caught, expectError, shared, stateAt, useRuntime } from './support.js';
import { stripes } from './toys.js';

const spec = nn.sequential(
  [
    nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
    nn.batchNorm2d(),
    nn.kwta({ gamma: 0.5 }),
    nn.flatten(),
    nn.dropout({ p: 0.4 }),
    nn.linear({ out: 3 }),
  ],
  { input: [1, 8, 8] },
);
const train = stripes(3202, 1);
const momentum = optim.sgd({ lr: 0.05, momentum: 0.9, weightDecay: 1e-3 });

/** 603 steps; the last of each epoch on two samples alone. */
const runs: Record<string, FitOptions> = {
  'momentum, gamma annealed': {
    epochs: 3,
    batchSize: 16,
    optimizer: momentum,
    seed: 3,
    gamma: schedules.anneal({ from: 0.4, to: 0.2, by: 0.1 }),
  },
  'adam, adversarial, cosine': {
    epochs: 3,
    batchSize: 16,
    optimizer: optim.adam({ lr: 0.01 }),
    seed: 3,
    lr: schedules.cosine(),
    regime: regimes.adversarial(attacks.pgd({ steps: 2 }), { epsilon: 0.1 }),
  },
};

const small: RuntimeOptions = { variant: 'simd', threads: 1 };
const wide: RuntimeOptions = shared ? { deterministic: true, threads: 3 } : small;

describe.each(Object.entries(runs))('%s', (_, options) => {
  it('goes on from any step, in a fresh model of another runtime', async () => {
    const states: TrainState[] = [];
    let whole: Record<string, Tensor>;
    let epochs: { loss: number; accuracy: number }[];
    {
      await using runtime = await createRuntime(small);
      // A run before it, for what that leaves behind belongs to the state, too.
      const model = await runtime.model(spec, { seed: 11 });
      await model.fit(train, { epochs: 1, batchSize: 20, optimizer: momentum });
      const run = model.fit(train, { ...options, paused: true });
      for (const step of [0, 1, 200, 201, 202, 500]) states.push(await stateAt(run, step));
      await run.resume();
      await run;
      whole = await model.stateDict();
      ({ epochs } = await run);
    }
    await using runtime = await createRuntime(wide);
    for (const state of states) {
      const model = await runtime.model(spec);
      const rest = await model.fit(train, { ...options, resumeFrom: structuredClone(state) });
      expect(await model.stateDict(), `from step ${state.step}`).toEqual(whole);
      const sums = (list: typeof epochs) => list.map(({ loss, accuracy }) => [loss, accuracy]);
      expect(sums(rest.epochs)).toEqual(sums(epochs.slice(3 - rest.epochs.length)));
    }
  });
});

describe('a state that does not fit', () => {
  const runtime = useRuntime({ threads: 1 });
  const options = runs['momentum, gamma annealed'];
  let state: TrainState;
  beforeAll(async () => {
    const controller = new AbortController();
    const model = await runtime().model(spec);
    const run = model.fit(train, { ...options, epochs: 100_000, paused: true, signal: controller.signal });
    state = await stateAt(run, 1);
    controller.abort();
    await caught(run);
  });

  const resumed = async (change: object, other: Partial<FitOptions> = {}, model = spec): Promise<void> => {
    const target = await runtime().model(model);
    const before = await target.stateDict();
    try {
      await target.fit(train, { ...options, epochs: 100_000, ...other, resumeFrom: { ...state, ...change } });
    } finally {
      expect(await target.stateDict()).toEqual(before);
    }
  };

  it('is refused before anything is changed', async () => {
    await expectError(resumed({ version: 1 }), DataError, 'resumeFrom', 'version 2', 'got version 1');
    await expectError(resumed({ model: { type: 'sequential' } }), DataError, 'resumeFrom.model');
    await expectError(resumed({ options: { epochs: 1 } }), DataError, 'resumeFrom.options');
    await expectError(resumed({ epoch: null }), DataError, 'resumeFrom.epoch', 'got null');
    await expectError(resumed({ samples: 49 }), ConfigError, '49 samples', 'got 3202');
    await expectError(resumed({ step: state.step + 1 }), ConfigError, 'resumeFrom.step');
    await expectError(resumed({}, { seed: 4 }), ConfigError, 'expected seed 3', 'got 4');
    await expectError(resumed({}, { optimizer: optim.adam() }), ConfigError, 'optimizer');
    await expectError(resumed({ optimizer: { steps: 1, moments: [] } }), DataError, 'resumeFrom.optimizer.moments');
    await expectError(
      resumed({ model: { ...state.model, layers: [{ type: 'kwta', gamma: 2.5 }] } }),
      DataError,
      'resumeFrom.model.layers[0].gamma',
      'got 2.5',
    );
    await expectError(
      resumed({ options: { ...state.options, optimizer: { type: 'sgd' } } }),
      DataError,
      'resumeFrom.options.optimizer.lr',
    );
    await expectError(resumed({ stateDict: {} }), ShapeError, "resumeFrom.stateDict: expected '0.weight'");
    const other = { ...spec, layers: [...spec.layers.slice(0, 4), nn.linear({ out: 3 })] };
    await expectError(resumed({}, {}, other), ConfigError, 'another model');
  });

  it('a run that has ended has none', async () => {
    const run = (await runtime().model(spec)).fit(train, { ...options, gamma: undefined, epochs: 1 });
    await run;
    await expectError(run.state(), ConfigError, 'has ended');
  });
});
