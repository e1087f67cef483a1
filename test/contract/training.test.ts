/** Training: trajectories as in PyTorch, events and history, schedules, regimes, and how a run ends. */
import {
  attacks,
  type BatchEvent,
  DivergedError,
  datasets,
  type EpochEvent,
  type FitEvent,
  nn,
  optim,
  regimes,
  schedules,
  type Tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { fixtures, modelOf } from '../fixtures/fixtures.js';
import {
  caught,
  describeVariants,
  expectAllClose,
  expectError,
  expectValues,
  noiseTensor,
  useRuntime,
} from './support.js';
import { stripeNet, stripes } from './toys.js';

const trajectories = await fixtures('trajectories');

describeVariants('trajectories as in PyTorch', (runtime) => {
  it.each(trajectories.map((item) => [item.name, item] as const))('%s', async (_, item) => {
    const model = await runtime().model(modelOf(item));
    await model.loadStateDict(item.stateDict);
    const train = datasets.fromTensors({ images: item.x, labels: item.labels, classes: 10 });
    const steps = item.losses.length;
    const seen: number[] = [];
    for await (const event of model.fit(train, { epochs: steps, optimizer: optim.sgd(item.optimizer) })) {
      if (event.type === 'batch') seen.push(event.loss);
    }
    expectValues(seen, item.losses, 1e-4, 'losses');
    expectAllClose(await model.stateDict(), item.stateDictAfter, 1e-3);
  });
});

const relu = stripeNet(nn.relu());
const kwta = stripeNet(nn.kwta({ gamma: 0.2 }));
const sgd = optim.sgd({ lr: 0.05, momentum: 0.9 });

async function eventsOf(run: AsyncIterable<FitEvent>): Promise<{ batches: BatchEvent[]; epochs: EpochEvent[] }> {
  const batches: BatchEvent[] = [];
  const epochs: EpochEvent[] = [];
  for await (const event of run) {
    if (event.type === 'batch') batches.push(event);
    else epochs.push(event);
  }
  return { batches, epochs };
}

describe('a run', () => {
  const runtime = useRuntime();

  it('reports every batch and epoch in order, and ends in a history', async () => {
    const model = await runtime().model(relu);
    const [train, validation] = [stripes(50, 1), stripes(30, 2)];
    const run = model.fit(train, { epochs: 3, batchSize: 16, optimizer: sgd, validation });
    const { batches, epochs } = await eventsOf(run);
    expect(batches.map(({ epoch, step, steps }) => [epoch, step, steps])).toEqual(
      Array.from({ length: 12 }, (_, i) => [Math.floor(i / 4), i + 1, 12]),
    );
    expect(epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
    const sizes = [16, 16, 16, 2];
    for (const { epoch, loss, accuracy, seconds, imagesPerSecond } of epochs) {
      const own = batches.filter((batch) => batch.epoch === epoch);
      const mean = (key: 'loss' | 'accuracy') => own.reduce((sum, batch, i) => sum + batch[key] * sizes[i], 0) / 50;
      expect(loss).toBeCloseTo(mean('loss'), 10);
      expect(accuracy).toBeCloseTo(mean('accuracy'), 10);
      expect(imagesPerSecond).toBeCloseTo(50 / seconds, 6);
    }
    expect(epochs[2].validationAccuracy).toBe(await model.accuracy(validation));
    expect(epochs[2].loss).toBeLessThan(epochs[0].loss);
    expect(await run).toEqual({ epochs });
    // The events are kept: whoever comes late sees them all.
    expect(await eventsOf(run)).toEqual({ batches, epochs });
  });

  it('goes on when nobody iterates, and when the loop is left', async () => {
    const model = await runtime().model(relu);
    const run = model.fit(stripes(40, 1), { epochs: 2, batchSize: 8, optimizer: sgd });
    for await (const event of run) if (event.type === 'batch') break;
    const { epochs } = await run;
    expect(epochs.length).toBe(2);
  });

  it('without validation data reports no validation accuracy', async () => {
    const model = await runtime().model(relu);
    const { epochs } = await model.fit(stripes(20, 1), { epochs: 1, optimizer: sgd });
    expect(epochs[0].validationAccuracy).toBeUndefined();
  });

  it.each([
    ['ReLU', relu],
    ['k-WTA', kwta],
  ])('%s learns twelve pictures with random labels by heart', async (_, spec) => {
    const model = await runtime().model(spec, { seed: 1 });
    const labels = [0, 2, 1, 1, 0, 2, 2, 0, 1, 0, 1, 2];
    const images = noiseTensor(5, 12, 1, 8, 8);
    const data = datasets.fromTensors({
      images: { shape: images.shape, data: images.data.map((value) => (value + 1) / 2) },
      labels,
    });
    const { epochs } = await model.fit(data, { epochs: 150, optimizer: optim.adam({ lr: 0.01 }) });
    expect(epochs[149].accuracy).toBe(1);
    expect(epochs[149].loss).toBeLessThan(0.1);
    expect(await model.accuracy(data)).toBe(1);
  });

  it.each([
    ['sgd', optim.sgd({ lr: 0.05 })],
    ['sgd with momentum', sgd],
    ['nesterov', optim.sgd({ lr: 0.05, momentum: 0.9, nesterov: true })],
    ['adam', optim.adam({ lr: 0.01 })],
    ['adamw', optim.adamw({ lr: 0.01 })],
  ])('generalises with %s', async (_, optimizer) => {
    const model = await runtime().model(kwta);
    await model.fit(stripes(120, 1), { epochs: 8, batchSize: 20, optimizer });
    expect(await model.accuracy(stripes(60, 2))).toBeGreaterThan(0.95);
  });

  it('shuffles by its seed', async () => {
    const weights = async (seed: number): Promise<Record<string, Tensor>> => {
      const model = await runtime().model(kwta, { seed: 4 });
      await model.fit(stripes(40, 1), { epochs: 2, batchSize: 8, optimizer: sgd, seed });
      return model.stateDict();
    };
    const first = await weights(1);
    expect(await weights(1)).toEqual(first);
    expect((await weights(2))['0.weight'].data).not.toEqual(first['0.weight'].data);
  });

  it('is not disturbed by what else is asked of the model and the runtime meanwhile', async () => {
    const train = stripes(160, 1);
    const fitted = async (disturb: boolean): Promise<Record<string, Tensor>> => {
      const model = await runtime().model(kwta, { seed: 4 });
      const other = await runtime().model(relu);
      const { x, labels } = train.take(5).batches(5).next().value as { x: Tensor; labels: Int32Array };
      const run = model.fit(train, { epochs: 2, batchSize: 8, optimizer: sgd });
      for await (const event of run) {
        if (!disturb || event.type !== 'batch' || event.step % 10 !== 1) continue;
        await Promise.all([
          model.logits(train.tensor()),
          model.parameterGradients(x, labels),
          model.activationPattern(x),
          model.attack(attacks.pgd({ steps: 3 }), { x, labels, epsilons: [0.1] }),
          other.attack(attacks.estimatedGradient({ steps: 2 }), { x, labels, epsilons: [0.1] }),
          runtime().functional.kwta(x, { gamma: 0.5 }),
        ]);
      }
      return model.stateDict();
    };
    expect(await fitted(true)).toEqual(await fitted(false));
  });
});

describe('schedules', () => {
  const runtime = useRuntime();
  const rates = async (lr: ReturnType<typeof schedules.cosine>): Promise<number[]> => {
    const model = await runtime().model(relu);
    const options = { epochs: 4, batchSize: 10, optimizer: optim.sgd({ lr: 0.1 }), lr };
    const { batches } = await eventsOf(model.fit(stripes(20, 1), options));
    return batches.map((batch) => batch.lr);
  };

  it('step and multiStep change the learning rate between epochs, cosine within them', async () => {
    const twice = (values: number[]): number[] => values.flatMap((value) => [value, value]);
    expectValues(await rates(schedules.step({ every: 2, factor: 0.5 })), twice([0.1, 0.1, 0.05, 0.05]), 1e-12, 'step');
    const milestones = schedules.multiStep({ milestones: [1, 3] });
    expectValues(await rates(milestones), twice([0.1, 0.01, 0.01, 0.001]), 1e-12, 'multiStep');
    const cosine = Array.from({ length: 8 }, (_, i) => 0.05 * (1 + Math.cos((Math.PI * i) / 8)));
    expectValues(await rates(schedules.cosine()), cosine, 1e-12, 'cosine');
  });

  it('anneal changes gamma from epoch to epoch, as a decimal', async () => {
    const spec = nn.sequential(
      [nn.flatten(), nn.linear({ out: 200 }), nn.kwta({ gamma: 0.5 }), nn.linear({ out: 3 })],
      {
        input: [1, 8, 8],
      },
    );
    const model = await runtime().model(spec);
    const x = stripes(1, 1).tensor();
    const k = async (): Promise<number> => (await model.activationPattern(x))[0].indices[0].length;
    expect(await k()).toBe(100);
    for (const [epochs, expected] of [
      [1, 40],
      [2, 39],
      [4, 37],
      [30, 20],
    ]) {
      const gamma = schedules.anneal({ from: 0.2, to: 0.1, by: 0.005 });
      await model.fit(stripes(6, 1), { epochs, optimizer: optim.sgd({ lr: 0.01 }), gamma });
      expect(await k(), `winners after ${epochs} epochs`).toBe(expected);
    }
  });
});

describe('regimes', () => {
  const runtime = useRuntime();

  it('adversarial training meets higher losses and ends more robust than natural training', async () => {
    const [train, test] = [stripes(120, 1), stripes(60, 2)];
    const attack = attacks.pgd({ steps: 10 });
    const outcome = async (regime: ReturnType<typeof regimes.natural>) => {
      const model = await runtime().model(relu, { seed: 2 });
      const { epochs } = await model.fit(train, { epochs: 8, batchSize: 20, optimizer: sgd, regime });
      const { success } = await model.attack(attack, { x: test.tensor(), labels: test.labels, epsilons: [0.15] });
      return { loss: epochs[7].loss, robust: success[0].filter((broken) => !broken).length };
    };
    const natural = await outcome(regimes.natural());
    const robust = await outcome(regimes.adversarial(attacks.pgd({ steps: 4 }), { epsilon: 0.15 }));
    const fast = await outcome(regimes.adversarial(attacks.fgsm(), { epsilon: 0.15 }));
    expect(robust.loss).toBeGreaterThan(natural.loss);
    expect(robust.robust).toBeGreaterThan(natural.robust);
    expect(fast.loss).toBeGreaterThan(natural.loss);
  });
});

describe('how a run ends', () => {
  const runtime = useRuntime();

  it('an abort rejects with AbortError and leaves the model after its last whole step', async () => {
    const model = await runtime().model(kwta);
    const controller = new AbortController();
    // All samples in one batch: an epoch is a step.
    const options = { batchSize: 60, optimizer: sgd };
    const run = model.fit(stripes(60, 1), { ...options, epochs: 100_000, signal: controller.signal });
    let steps = 0;
    const failure = await caught(async () => {
      for await (const event of run) {
        if (event.type === 'batch') steps = event.step;
        if (steps === 5) controller.abort();
      }
    });
    expect((failure as Error).name).toBe('AbortError');
    expect(((await caught(run)) as Error).name).toBe('AbortError');
    const state = await model.stateDict();
    // On a busy machine the engine may take further steps before the wish reaches it, but whole ones.
    const trained = async (epochs: number): Promise<Record<string, Tensor>> => {
      const again = await runtime().model(kwta);
      await again.fit(stripes(60, 1), { ...options, epochs });
      return again.stateDict();
    };
    const same = async (epochs: number) =>
      (await trained(epochs))['0.weight'].data.join() === state['0.weight'].data.join();
    while (steps < 200 && !(await same(steps))) steps++;
    expect(state).toEqual(await trained(steps));
    expect((await model.logits(stripes(4, 3).tensor())).data.every(Number.isFinite)).toBe(true);
    const { epochs } = await model.fit(stripes(60, 1), { epochs: 1, optimizer: sgd });
    expect(epochs.length).toBe(1);
  });

  it('a signal that is aborted before the start changes nothing', async () => {
    const model = await runtime().model(kwta);
    const before = await model.stateDict();
    const reason = new RangeError('not today');
    const run = model.fit(stripes(10, 1), { epochs: 1, optimizer: sgd, signal: AbortSignal.abort(reason) });
    expect(await caught(run)).toBe(reason);
    expect(await model.stateDict()).toEqual(before);
  });

  it.each([
    ['ReLU', relu],
    ['k-WTA', kwta],
  ])('%s that diverges says where, and keeps its last whole step', async (_, spec) => {
    const model = await runtime().model(spec);
    // All samples in one batch: an epoch is a step.
    const options = { batchSize: 12, optimizer: optim.sgd({ lr: 1e25 }) };
    const run = model.fit(stripes(12, 1), { ...options, epochs: 50 });
    await expectError(run, DivergedError, 'expected');
    let steps = 0;
    await caught(async () => {
      for await (const event of run) steps += Number(event.type === 'epoch');
    });
    expect(steps).toBeGreaterThan(0);
    const again = await runtime().model(spec);
    await again.fit(stripes(12, 1), { ...options, epochs: steps });
    expect(await model.stateDict()).toEqual(await again.stateDict());
  });
});
