/** Examples that transfer: students of a teacher, and who fools whom. */
import {
  attacks,
  ConfigError,
  type Dataset,
  distill,
  type Model,
  nn,
  optim,
  regimes,
  ShapeError,
  transferMatrix,
} from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { caught, expectError, useRuntime } from './support.js';
import { saw, slope, stripeNet, stripes, trainedStripeNet } from './toys.js';

const test = stripes(30, 2);

describe('distill', () => {
  const runtime = useRuntime();
  const data = stripes(120, 1);
  let teacher: Model;
  beforeAll(async () => {
    teacher = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
  });

  it('makes a student of ReLU that agrees with its teacher, and leaves that as it is', async () => {
    const before = await teacher.stateDict();
    await using student = await distill(teacher, data, {
      batchSize: 20,
      optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }),
    });
    expect(student.spec).toEqual(stripeNet(nn.relu()));
    expect(await teacher.stateDict()).toEqual(before);
    const [own, taught] = [await teacher.predict(test.tensor()), await student.predict(test.tensor())];
    expect(own.filter((answer, i) => answer === taught[i]).length).toBeGreaterThanOrEqual(28);
    const { success } = await teacher.attack(attacks.transfer({ source: student }), {
      x: test.tensor(),
      labels: test.labels,
      epsilons: [0.3],
    });
    expect(success[0].filter(Boolean).length).toBeGreaterThan(10);
  });

  it('learns what the teacher says, whatever the labels of the data are', async () => {
    const wrong = { batchSize: 20, epochs: 6, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }), seed: 3 };
    const shifted = stripes(120, 1);
    for (let i = 0; i < shifted.length; i++) shifted.labels[i] = (shifted.labels[i] + 1) % 3;
    const weights = async (of: Dataset) => (await distill(teacher, of, wrong)).stateDict();
    expect(await weights(shifted)).toEqual(await weights(data));
  });

  it('takes a description, a regime and a seed, and tells how it goes', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 3 })], { input: [1, 8, 8] });
    const regime = regimes.adversarial(attacks.fgsm(), { epsilon: 0.05 });
    const seen: string[] = [];
    const onProgress = ({ type }: { type: string }): void => {
      seen.push(type);
    };
    await using student = await distill(teacher, data, { spec, regime, epochs: 2, batchSize: 40, seed: 5, onProgress });
    expect(student.spec).toEqual(spec);
    expect(seen).toEqual(['batch', 'batch', 'batch', 'epoch', 'batch', 'batch', 'batch', 'epoch']);
    await using other = await distill(teacher, data, { spec, regime, epochs: 2, batchSize: 40, seed: 6 });
    expect(await other.stateDict()).not.toEqual(await student.stateDict());
    // A teacher without k-WTA is its own model.
    await using linear = await distill(student, data, { epochs: 1 });
    expect(linear.spec).toEqual(spec);
  });

  it('ends when it is told to, or when nobody can listen, and gives the student back', async () => {
    const controller = new AbortController();
    const long = { epochs: 10_000, batchSize: 20 };
    const aborted = distill(teacher, data, {
      ...long,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(((await caught(aborted)) as Error).name).toBe('AbortError');
    expect(((await caught(distill(teacher, data, { ...long, signal: controller.signal }))) as Error).name).toBe(
      'AbortError',
    );
    const failure = new Error('no room');
    const deaf = () => Promise.reject(failure);
    expect(await caught(distill(teacher, data, { ...long, onProgress: deaf }))).toBe(failure);
    // Nothing runs on the teacher any more.
    expect((await teacher.predict(test.tensor())).length).toBe(30);
  });

  it('checks what it is given', async () => {
    const refused = (more: object, ...parts: string[]) =>
      expectError(distill(teacher, data, more), ConfigError, ...parts);
    await refused({ epochs: 0 }, 'distill.epochs', '>= 1', 'got 0');
    await refused({ epoch: 1 }, "unknown option 'epoch'", 'epochs');
    await refused({ spec: 3 }, 'distill.spec', 'got 3');
    const four = nn.sequential([nn.flatten(), nn.linear({ out: 4 })], { input: [1, 8, 8] });
    await refused({ spec: four }, 'distill.spec', 'input [1, 8, 8] and 3 classes', 'input [1, 8, 8] and 4 classes');
    await expectError(distill({} as Model, data), ConfigError, 'model', 'a model of a runtime');
    await expectError(distill(teacher, [] as never), ConfigError, 'data', 'datasets.*');
    const other = await slope(runtime());
    await expectError(distill(other, data), ShapeError, 'x', '1, 4, 4');
  });
});

describe('nn.replaceActivation', () => {
  const spec = nn.sequential(
    [nn.relu(), nn.residual({ main: [nn.kwta({ gamma: 0.1, name: 'act' })] }), nn.kwta({ k: 2 }), nn.flatten()],
    { input: [1, 2, 2] },
  );

  it('replaces one type everywhere, and keeps names', async () => {
    expect(nn.replaceActivation(spec, 'kwta', nn.relu({ name: 'other' }))).toEqual({
      spec: nn.sequential([nn.relu(), nn.residual({ main: [nn.relu({ name: 'act' })] }), nn.relu(), nn.flatten()], {
        input: [1, 2, 2],
      }),
      replaced: 2,
    });
    const { spec: sparse, replaced } = nn.replaceActivation(spec, 'relu', nn.kwta({ gamma: 0.5 }));
    expect([sparse.layers[0], replaced]).toEqual([nn.kwta({ gamma: 0.5 }), 1]);
  });

  it('refuses to replace nothing', async () => {
    const { spec: plain } = nn.replaceActivation(spec, 'kwta', nn.relu());
    await expectError(
      () => nn.replaceActivation(plain, 'kwta', nn.relu()),
      ConfigError,
      'replaceActivation.from',
      "'kwta'",
    );
    await expectError(
      () => nn.replaceActivation(spec, 'gelu' as never, nn.relu()),
      ConfigError,
      'replaceActivation.from',
      'gelu',
    );
    await expectError(
      () => nn.replaceActivation(spec, 'kwta', nn.flatten() as never),
      ConfigError,
      'replaceActivation.to',
    );
  });
});

describe('transferMatrix', () => {
  const runtime = useRuntime();
  const other = useRuntime({ threads: 1 });

  it('has the attack on the model itself on its diagonal, and plain data', async () => {
    const models = [
      { name: 'k-WTA', model: await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 })) },
      { name: 'ReLU', model: await trainedStripeNet(other(), nn.relu()) },
    ];
    const attack = attacks.pgd({ steps: 10 });
    const sources: string[] = [];
    const onProgress = ({ source }: { source: string }): void => {
      if (sources.at(-1) !== source) sources.push(source);
    };
    const found = await transferMatrix(models, stripes(40, 2), {
      attack,
      epsilon: 0.15,
      samples: 30,
      seed: 2,
      onProgress,
    });
    expect(JSON.parse(JSON.stringify(found))).toEqual(found);
    expect(found).toMatchObject({ names: ['k-WTA', 'ReLU'], epsilon: 0.15, seed: 2, attack });
    expect(sources).toEqual(['k-WTA', 'ReLU']);
    const x = test.tensor();
    for (const [row, { model }] of models.entries()) {
      const options = { x, labels: test.labels, epsilons: [0.15], seed: 2 };
      const { clipped, success, warnings } = await model.attack(attack, options);
      expect(found.matrix[row][row].correct).toBe(success[0].filter((broken) => !broken).length);
      expect(found.warnings[row]).toEqual(warnings[0]);
      for (const [column, target] of models.entries()) {
        const answers = await target.model.predict(clipped[0]);
        const correct = answers.filter((answer, i) => answer === test.labels[i]).length;
        expect(found.matrix[row][column]).toMatchObject({ correct, total: 30, accuracy: correct / 30 });
      }
      const answers = await model.predict(x);
      expect(found.clean[row].correct).toBe(answers.filter((answer, i) => answer === test.labels[i]).length);
    }
    expect(found.matrix[1][1].correct).toBeLessThan(found.clean[1].correct);
  });

  it('checks what it is given', async () => {
    const model = await saw(runtime());
    const models = [{ name: 'a', model }];
    const options = { epsilon: 0.1 };
    const refused = (...[of, more, ...parts]: [unknown, object, ...string[]]) =>
      expectError(transferMatrix(of as typeof models, test, { ...options, ...more }), ConfigError, ...parts);
    await refused([], {}, 'models', 'a list of { name, model }');
    await refused([...models, ...models], {}, "'a' twice");
    await refused([{ name: 'a' }], {}, 'models[0].model', 'a model of a runtime');
    await refused([{ model }], {}, 'models[0].name', 'undefined');
    await refused(models, { epsilon: -1 }, 'transferMatrix.epsilon', '>= 0', '-1');
    const half = { epsilon: 0.5, attack: attacks.pgd({ norm: 'l0' }) };
    await refused(models, half, 'transferMatrix.epsilon', 'a whole number of values in l0', '0.5');
    await refused(models, { samples: 31 }, 'transferMatrix.samples', '<= 30', '31');
    await refused(models, { epsilons: [1] }, "'epsilons'");
    await refused(models, { attack: {} }, 'transferMatrix.attack');
    const own = attacks.restarts(attacks.transfer({ source: model, attack: attacks.pgd() }), 2);
    await refused(models, { attack: own }, 'transferMatrix.attack', 'without a source of its own', "'restarts'");
    await expectError(transferMatrix(models, test, options), ShapeError, 'x', '1, 4, 4');
    await expectError(transferMatrix(models, { images: [] } as never, options), ConfigError, 'data', 'datasets.*');
    const controller = new AbortController();
    controller.abort();
    const aborted = await caught(transferMatrix(models, test, { ...options, signal: controller.signal }));
    expect((aborted as Error).name).toBe('AbortError');
  });
});

describe('dropout that stays on', () => {
  const runtime = useRuntime();
  const spec = (always: boolean) =>
    nn.sequential([nn.flatten(), nn.dropout({ p: 0.5, always }), nn.linear({ out: 3 })], { input: [1, 8, 8] });

  it('draws anew in every pass, and its gradient is that of the draw', async () => {
    const model = await runtime().model(spec(true), { seed: 1 });
    const x = test.tensor();
    const [first, second] = [await model.logits(x), await model.logits(x)];
    expect(second.data).not.toEqual(first.data);
    const { gradient } = await model.inputGradient(x, test.labels);
    const zeros = gradient.data.filter((value) => value === 0).length / gradient.data.length;
    expect(zeros).toBeGreaterThan(0.45);
    expect(zeros).toBeLessThan(0.55);
    const again = await model.inputGradient(x, test.labels);
    expect(again.gradient.data).not.toEqual(gradient.data);
    const quiet = await runtime().model(spec(false), { seed: 1 });
    expect(await quiet.logits(x)).toEqual(await quiet.logits(x));
    // The mean over many passes is the model without.
    const passes = 400;
    const sums = new Float64Array(first.data.length);
    for (let i = 0; i < passes; i++)
      (await model.logits(x)).data.forEach((value, j) => {
        sums[j] += value;
      });
    const still = (await quiet.logits(x)).data;
    const off = Math.max(...sums.map((sum, j) => Math.abs(sum / passes - still[j])));
    expect(off).toBeLessThan(0.15);
  });

  it('can be attacked', async () => {
    const model = await runtime().model(spec(true), { seed: 1 });
    await model.fit(stripes(120, 1), { epochs: 6, batchSize: 20, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }) });
    const options = { x: test.tensor(), labels: test.labels, epsilons: [0.3] };
    for (const attack of [
      attacks.pgd({ steps: 5 }),
      attacks.smoothed({ attack: attacks.pgd({ steps: 5 }), samples: 5 }),
    ]) {
      const { success } = await model.attack(attack, options);
      expect(success[0].filter(Boolean).length).toBeGreaterThan(10);
    }
  });
});
