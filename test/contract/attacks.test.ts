/** Attacks: against PyTorch's, their queries, and models that withstand them. What holds of every one is in attackTable.test.ts. */
import { type AttackResult, attacks, ConfigError, type Model, nn } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AttackCase, fixtures, modelOf } from '../fixtures/fixtures.js';
import { caught, describeVariants, expectClose, expectError, useRuntime } from './support.js';
import { greys, linear, saw, slope, spoiledLabels, stripes, trainedStripeNet } from './toys.js';

const cases: AttackCase[] = await fixtures('attacks');

describeVariants('attacks as in PyTorch', (runtime) => {
  const each = cases.flatMap((item) =>
    item.attacks.map(
      (attack) => [`${item.name}: ${attack.name} ${attack.norm ?? ''} ${attack.loss}`, item, attack] as const,
    ),
  );
  it.each(each)('%s', async (_, item, { name, epsilon, adversarial, ...options }) => {
    const model = await runtime().model(modelOf(item));
    await model.loadStateDict(item.stateDict);
    const attack = name === 'fgsm' ? attacks.fgsm(options) : attacks.pgd({ ...options, randomStart: false });
    const { clipped } = await model.attack(attack, { x: item.x, labels: item.labels, epsilons: [epsilon] });
    expectClose(clipped[0], adversarial, 2e-5);
  });
});

describe('an attack', () => {
  const runtime = useRuntime();
  const test = stripes(24, 2);
  const x = test.tensor();
  const labels = spoiledLabels(test);
  let targets: Record<string, Model>;

  beforeAll(async () => {
    targets = {
      ReLU: await trainedStripeNet(runtime(), nn.relu()),
      'k-WTA': await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 })),
    };
  });

  it('draws other random numbers for another seed', async () => {
    for (const norm of ['linf', 'l2'] as const) {
      const pgd = attacks.pgd({ norm, steps: 5 });
      const estimated = attacks.estimatedGradient({ norm, steps: 4, samples: [10, 20] });
      for (const attack of [pgd, estimated, attacks.transfer({ source: targets.ReLU, attack: pgd })]) {
        const changed = async (seed: number): Promise<Float32Array> =>
          (await targets['k-WTA'].attack(attack, { x, labels, epsilons: [0.1], seed })).clipped[0].data;
        expect(await changed(2), attack.type).not.toEqual(await changed(1));
      }
    }
  });

  it('can be aborted, and the model answers afterwards', async () => {
    for (const attack of [attacks.pgd({ steps: 100_000 }), attacks.estimatedGradient({ steps: 100_000 })]) {
      const controller = new AbortController();
      const onProgress = (): void => controller.abort();
      const options = { x, labels, epsilons: [1e-6], signal: controller.signal, onProgress };
      expect(((await caught(targets['k-WTA'].attack(attack, options))) as Error).name).toBe('AbortError');
      expect((await targets['k-WTA'].predict(x)).length).toBe(24);
    }
  });
});

describe('queries', () => {
  const runtime = useRuntime();
  const test = stripes(24, 2);
  const x = test.tensor();
  const labels = spoiledLabels(test);
  const n = 24;

  it('of the attack are counted by sample', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const answers = await model.predict(x);
    const right = answers.filter((answer, i) => answer === labels[i]).length;
    expect(right).toBeGreaterThan(0);
    expect(right).toBeLessThan(n);
    const queries = async (attack: Parameters<Model['attack']>[0]) =>
      (await model.attack(attack, { x, labels, epsilons: [1e-6] })).queries;
    // Whoever is right is attacked; in so small a ball nobody falls and no attack ends early.
    expect(await queries(attacks.fgsm())).toEqual({ forward: right, backward: right });
    expect(await queries(attacks.pgd({ steps: 7 }))).toEqual({ forward: 7 * right, backward: 7 * right });
    const restarts = attacks.pgd({ steps: 7, restarts: 3, earlyStop: true });
    // Between restarts the model is asked who has fallen.
    expect(await queries(restarts)).toEqual({ forward: 23 * right, backward: 21 * right });
    // After each step the model is asked who has fallen.
    const estimated = attacks.estimatedGradient({ steps: 4, samples: [10, 20] });
    expect(await queries(estimated)).toEqual({ forward: (2 * 11 + 2 * 21) * right, backward: 0 });
    expect(await queries(attacks.transfer({ source: model }))).toEqual({ forward: 0, backward: 0 });
  });

  it('of the grader are counted apart: once for the samples as they are, and once for each epsilon', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const { gradingQueries } = await model.attack(attacks.fgsm(), { x, labels, epsilons: [0.1, 0.2, 0.3] });
    expect(gradingQueries).toEqual({ forward: 4 * n, backward: 0 });
  });

  it('end at maxQueries for each sample', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const answers = await model.predict(x);
    const right = answers.filter((answer, i) => answer === labels[i]).length;
    const ask = async (attack: Parameters<Model['attack']>[0], maxQueries: number) =>
      (await model.attack(attack, { x, labels, epsilons: [1e-6], maxQueries })).queries;
    const long = attacks.pgd({ steps: 50, restarts: 3, earlyStop: true });
    for (const [attack, maxQueries, forward, backward] of [
      [attacks.fgsm(), 1, 0, 0],
      [attacks.fgsm(), 2, 1, 1],
      [attacks.pgd({ steps: 50 }), 7, 3, 3],
      // A restart needs one question and one step.
      [long, 102, 50, 50],
      [long, 103, 52, 51],
      // Each step asks 10, and one for who is there.
      [attacks.estimatedGradient({ steps: 50, samples: 10 }), 10, 0, 0],
      [attacks.estimatedGradient({ steps: 50, samples: 10 }), 40, 33, 0],
      [attacks.transfer({ source: model }), 1, 0, 0],
    ] as const) {
      expect(await ask(attack, maxQueries)).toEqual({ forward: forward * right, backward: backward * right });
    }
    await expectError(ask(attacks.fgsm(), 0), ConfigError, 'attack.maxQueries', '>= 1', 'got 0');
  });

  it('are summed over the epsilons', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const options = { x, labels, epsilons: [0.01, 0.3] };
    const { queries, queriesByEpsilon } = await model.attack(attacks.estimatedGradient({ steps: 20 }), options);
    expect(queriesByEpsilon.length).toBe(2);
    expect(queries.forward).toBe(queriesByEpsilon[0].forward + queriesByEpsilon[1].forward);
    expect(queriesByEpsilon[1].forward).toBeLessThan(queriesByEpsilon[0].forward);
  });
});

describe('PGD', () => {
  const runtime = useRuntime();
  const test = stripes(60, 2);
  const options = { x: test.tensor(), labels: test.labels, epsilons: [0.1], seed: 3 };

  it('is never worse with restarts or early stop, sample by sample', async () => {
    for (const activation of [nn.relu(), nn.kwta({ gamma: 0.1 })]) {
      const model = await trainedStripeNet(runtime(), activation);
      const broken = async (more: Parameters<typeof attacks.pgd>[0]): Promise<boolean[]> =>
        (await model.attack(attacks.pgd({ steps: 5, ...more }), options)).success[0];
      const plain = await broken({});
      for (const stronger of [await broken({ restarts: 4 }), await broken({ earlyStop: true })]) {
        expect(plain.every((flag, i) => !flag || stronger[i])).toBe(true);
      }
    }
  });

  it('is stronger than FGSM, and steps of 2.5 epsilon / steps are its default', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const result = async (attack: Parameters<Model['attack']>[0]) => model.attack(attack, options);
    const count = ({ success }: AttackResult): number => success[0].filter(Boolean).length;
    const pgd = await result(attacks.pgd({ steps: 20 }));
    expect(count(pgd)).toBeGreaterThanOrEqual(count(await result(attacks.fgsm())));
    expect(await result(attacks.pgd({ steps: 20, stepSize: (2.5 * 0.1) / 20 }))).toEqual({
      ...pgd,
      seconds: expect.anything(),
    });
  });

  it('warns of steps that cannot cross the ball, and of a gradient that is zero', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const short = await model.attack(attacks.pgd({ steps: 4, stepSize: 0.003 }), options);
    expect(short.warnings[0].join()).toContain('cannot cross the ball of radius 0.1');
    const flat = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 3 })], { input: [1, 8, 8] }));
    const state = await flat.stateDict();
    await flat.loadStateDict({ ...state, '1.weight': { shape: [3, 64], data: new Float32Array(192) } });
    const { warnings } = await flat.attack(attacks.pgd({ steps: 3 }), options);
    expect(warnings[0].join()).toContain('the gradient was zero for 100 % of the queries');
  });

  it('on the dlr loss needs three classes', async () => {
    const model = await slope(runtime());
    const data = greys(2);
    const target = { x: data.tensor(), labels: data.labels, epsilons: [0.1] };
    await expectError(model.attack(attacks.pgd({ loss: 'dlr' }), target), ConfigError, 'dlr', '3 classes', '2');
    expect((await model.predict(data.tensor())).length).toBe(2);
  });
});

describe('a k-WTA network that hides its gradient', () => {
  const runtime = useRuntime();
  const data = greys(20);
  const options = { x: data.tensor(), labels: data.labels, epsilons: [0.1] };
  const broken = async (model: Model, attack: Parameters<Model['attack']>[0]): Promise<number> =>
    (await model.attack(attack, options)).success[0].filter(Boolean).length;

  it('withstands every attack that follows the gradient', async () => {
    const model = await saw(runtime());
    expect(await model.accuracy(data)).toBe(1);
    expect(await broken(model, attacks.fgsm())).toBe(0);
    expect(await broken(model, attacks.pgd({ steps: 40 }))).toBe(0);
  });

  it('falls to the estimated gradient and to examples made on another model', async () => {
    const model = await saw(runtime());
    expect(await broken(model, attacks.estimatedGradient({ steps: 10, samples: 100, sigma: 0.05 }))).toBe(20);
    const spsa = attacks.estimatedGradient({ steps: 10, samples: 100, sigma: 0.05, estimator: 'spsa' });
    expect(await broken(model, spsa)).toBe(20);
    const source = await slope(runtime());
    expect(await broken(source, attacks.pgd({ steps: 5 }))).toBe(20);
    expect(await broken(model, attacks.transfer({ source, attack: attacks.pgd({ steps: 5 }) }))).toBe(20);
  });
});

describe('the estimated gradient', () => {
  const runtime = useRuntime();

  it('of simultaneous perturbation has directions of 1 and -1, the signs of the Gaussian ones', async () => {
    const { model } = await linear(runtime(), 2);
    const x = greys(60).tensor();
    const labels = await model.predict(x);
    // One pair of points: the step is along its direction, or against it.
    const moves = async (estimator: 'gaussian' | 'spsa'): Promise<Float32Array> => {
      const attack = attacks.estimatedGradient({ norm: 'l2', steps: 1, samples: 2, stepSize: 0.04, estimator });
      const { raw } = await model.attack(attack, { x, labels, epsilons: [0.04] });
      return raw[0].data.map((value, i) => value - x.data[i]);
    };
    const [gaussian, spsa] = [await moves('gaussian'), await moves('spsa')];
    let ups = 0;
    for (let i = 0; i < 60; i++) {
      // The way is chosen by what is won, which differs between the two.
      const way = Math.sign(gaussian[16 * i] * spsa[16 * i]);
      for (let p = 16 * i; p < 16 * (i + 1); p++) {
        expect(Math.abs(spsa[p])).toBeCloseTo(0.01, 6);
        expect(Math.sign(spsa[p])).toBe(way * Math.sign(gaussian[p]));
        ups += Number(spsa[p] * way > 0);
      }
    }
    expect(new Set(gaussian.map((value) => Math.round(1e4 * Math.abs(value)))).size).toBeGreaterThan(50);
    // Of 960 fair coins, within five standard deviations.
    expect(Math.abs(ups - 480)).toBeLessThan(78);
  });

  it('of simultaneous perturbation counts the same queries and comes about as far', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const data = stripes(20, 2);
    const run = async (estimator: 'gaussian' | 'spsa') =>
      model.attack(attacks.estimatedGradient({ steps: 10, samples: 60, estimator }), {
        x: data.tensor(),
        labels: data.labels,
        epsilons: [0.1, 0.2],
      });
    const [gaussian, spsa] = [await run('gaussian'), await run('spsa')];
    const fallen = ({ success }: AttackResult, e: number): number => success[e].filter(Boolean).length;
    for (const e of [0, 1]) expect(Math.abs(fallen(gaussian, e) - fallen(spsa, e))).toBeLessThanOrEqual(3);
    expect(fallen(spsa, 1)).toBeGreaterThan(fallen(spsa, 0));
    const attack = attacks.estimatedGradient({ steps: 50, samples: 10, estimator: 'spsa' });
    const options = { x: data.tensor(), labels: data.labels, epsilons: [0], maxQueries: 40 };
    const { queries } = await model.attack(attack, options);
    const right = Array.from(await model.predict(options.x)).filter((answer, i) => answer === data.labels[i]).length;
    expect(queries).toEqual({ forward: 33 * right, backward: 0 });
  });
});

describe('transfer', () => {
  const runtime = useRuntime();
  const elsewhere = useRuntime();
  const data = greys(3);
  const options = { x: data.tensor(), labels: data.labels, epsilons: [0.1] };

  it('grades on the target what was made on the source', async () => {
    const [source, target] = [await slope(runtime()), await saw(runtime())];
    const made = await source.attack(attacks.pgd({ steps: 3 }), options);
    const moved = await target.attack(attacks.transfer({ source, attack: attacks.pgd({ steps: 3 }) }), options);
    expect(moved.clipped).toEqual(made.clipped);
    expect(moved.predictions[0]).toEqual(await target.predict(made.clipped[0]));
  });

  it('takes only a model of the same shape, alive, in the same runtime', async () => {
    const target = await slope(runtime());
    const transfer = (source: Model) => target.attack(attacks.transfer({ source }), options);
    const other = await trainedStripeNet(runtime(), nn.relu());
    await expectError(transfer(other), ConfigError, 'transfer.source', '[1, 4, 4]', '[1, 8, 8]');
    await expectError(transfer(await slope(elsewhere())), ConfigError, 'another runtime');
    const gone = await slope(runtime());
    await gone.dispose();
    await expectError(transfer(gone), ConfigError, 'used after dispose');
  });
});
