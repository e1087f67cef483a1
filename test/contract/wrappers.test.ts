/** Wrappers of attacks: other gradients, smoothed gradients, restarts. */
import { type AttackResult, attacks, ConfigError, type Model, nn } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, expectValues, useRuntime } from './support.js';
import { greys, saw, slope, stripeNet, stripes, trainedStripeNet } from './toys.js';

type Attack = Parameters<Model['attack']>[0];

const test = stripes(24, 2);
const x = test.tensor();
const options = { x, labels: test.labels, epsilons: [0.05], seed: 4 };
/** Far too small a ball for anybody to fall in. */
const still = { ...options, epsilons: [1e-6] };
const n = 24;

/** All but what the clock says. */
function bits({ raw, success, queries, warnings }: AttackResult): object {
  return { raw, success, queries, warnings };
}

describe('bpda', () => {
  const runtime = useRuntime();
  const step = attacks.pgd({ norm: 'l2', steps: 1, stepSize: 0.04, randomStart: false });
  let model: Model;
  beforeAll(async () => {
    model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
  });

  it.each([
    { backward: 'identity' },
    { backward: 'softmask' },
    { backward: 'softmask', temperature: 0.1 },
    { backward: 'softmask', temperature: 2 },
  ] as const)('follows the gradient of a model built with %o, on the same weights', async (surrogate) => {
    const built = await runtime().model(stripeNet(nn.kwta({ gamma: 0.2, ...surrogate })));
    await built.loadStateDict(await model.stateDict());
    for (const attack of [step, attacks.pgd({ steps: 5, earlyStop: true }), attacks.apgd({ steps: 5 })]) {
      const through = await model.attack(attacks.bpda({ attack, ...surrogate }), options);
      const there = await built.attack(attack, options);
      expect(through.raw[0].data).toEqual(there.raw[0].data);
      expect(through.queries).toEqual(there.queries);
      expect(through.raw[0].data).not.toEqual((await model.attack(attack, options)).raw[0].data);
    }
  });

  it('has a temperature of 0.1 unless told otherwise, and another makes a difference', async () => {
    const at = async (temperature?: number) =>
      (await model.attack(attacks.bpda({ attack: step, temperature }), options)).raw[0].data;
    expect(await at()).toEqual(await at(0.1));
    expect(await at()).not.toEqual(await at(1));
  });

  it('leaves the model as it is, and follows it when it changes', async () => {
    const changed = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const before = [await changed.logits(x), await changed.stateDict(), await changed.activationPattern(x)];
    const first = await changed.attack(attacks.bpda({ attack: step }), options);
    expect([await changed.logits(x), await changed.stateDict(), await changed.activationPattern(x)]).toEqual(before);
    const state = await changed.stateDict();
    for (const { data } of Object.values(state))
      for (let i = 0; i < data.length; i++) data[i] *= i % 2 === 0 ? 1.2 : 0.9;
    await changed.loadStateDict(state);
    const second = await changed.attack(attacks.bpda({ attack: step }), options);
    expect(second.raw[0].data).not.toEqual(first.raw[0].data);
    const built = await runtime().model(stripeNet(nn.kwta({ gamma: 0.2, backward: 'softmask' })));
    await built.loadStateDict(state);
    expect(second.raw[0].data).toEqual((await built.attack(step, options)).raw[0].data);
  });

  it('says when there is nothing to replace, and runs the attack as it is', async () => {
    const plain = await trainedStripeNet(runtime(), nn.relu());
    const inner = await plain.attack(step, options);
    const { warnings, ...result } = await plain.attack(attacks.bpda({ attack: step }), options);
    expect(warnings[0].join()).toContain('no k-WTA layer');
    expect(bits({ ...result, warnings: inner.warnings })).toEqual(bits(inner));
  });

  it('counts queries as the attack inside, and ends at maxQueries', async () => {
    const attack = attacks.bpda({ attack: attacks.pgd({ steps: 5 }) });
    expect((await model.attack(attack, still)).queries).toEqual({ forward: 5 * n, backward: 5 * n });
    const { queries } = await model.attack(attack, { ...still, maxQueries: 7 });
    expect(queries).toEqual({ forward: 3 * n, backward: 3 * n });
  });

  it('works on the source of a transfer', async () => {
    const source = attacks.transfer({ source: model, attack: attacks.bpda({ attack: step }) });
    const { raw } = await model.attack(source, options);
    expect(raw[0].data).toEqual((await model.attack(attacks.bpda({ attack: step }), options)).raw[0].data);
  });

  it('refuses what it would not change', async () => {
    const idle = { backward: 'identity', temperature: 1 } as const;
    await expectError(() => attacks.bpda(idle), ConfigError, 'bpda.temperature', "'softmask'", 'got 1');
    await expectError(() => nn.kwta({ gamma: 0.1, temperature: 1 }), ConfigError, 'temperature', "'softmask'", '1');
    for (const temperature of [0, -1, 1e-9]) {
      await expectError(() => attacks.bpda({ temperature }), ConfigError, 'bpda.temperature', `got ${temperature}`);
    }
    const blind = attacks.estimatedGradient();
    await expectError(() => attacks.bpda({ attack: blind }), ConfigError, 'bpda.attack', "'estimatedGradient'");
    const far = attacks.transfer({ source: model });
    await expectError(() => attacks.bpda({ attack: far }), ConfigError, 'bpda.attack', "'transfer'");
    await expectError(() => attacks.bpda({ backward: 'mask' } as object), ConfigError, 'bpda.backward', "'softmask'");
  });
});

describe('smoothed', () => {
  const runtime = useRuntime();

  it('with one sample of next to no noise goes where the attack goes', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    for (const norm of ['linf', 'l2', 'l1'] as const) {
      const attack = attacks.pgd({ norm, steps: 3, loss: 'margin' });
      const plain = await model.attack(attack, options);
      const near = await model.attack(attacks.smoothed({ attack, sigma: 1e-9, samples: 1 }), options);
      expectValues(near.raw[0].data, plain.raw[0].data, 1e-5, norm);
    }
  });

  it('averages: on a linear model noise changes nothing', async () => {
    const model = await slope(runtime());
    const data = greys(5);
    const linear = { x: data.tensor(), labels: data.labels, epsilons: [0.02] };
    const attack = attacks.pgd({ norm: 'l2', steps: 2, loss: 'margin' });
    const plain = await model.attack(attack, linear);
    const noisy = await model.attack(attacks.smoothed({ attack, sigma: 0.5, samples: 7 }), linear);
    expectValues(noisy.raw[0].data, plain.raw[0].data, 1e-6, 'points');
  });

  it('averages gradients, in which no jump shows', async () => {
    const model = await saw(runtime());
    const data = greys(12);
    const hidden = { x: data.tensor(), labels: data.labels, epsilons: [0.08] };
    const attack = attacks.pgd({ steps: 10, loss: 'margin' });
    const fallen = async (spec: Attack) => (await model.attack(spec, hidden)).success[0].filter(Boolean).length;
    expect(await fallen(attack)).toBe(0);
    // Between its jumps a saw rises everywhere: gradients lead astray, whatever the noise ...
    expect(await fallen(attacks.smoothed({ attack, sigma: 0.02, samples: 20 }))).toBe(0);
    // ... and values do not.
    expect(await fallen(attacks.estimatedGradient({ steps: 10, samples: 40, sigma: 0.02 }))).toBe(12);
  });

  it('does the same around bpda as within', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const attack = attacks.pgd({ steps: 3, earlyStop: true });
    const surrogate = { backward: 'softmask', temperature: 0.5 } as const;
    const noise = { sigma: 0.05, samples: 4 };
    const around = await model.attack(
      attacks.smoothed({ ...noise, attack: attacks.bpda({ ...surrogate, attack }) }),
      options,
    );
    const within = await model.attack(
      attacks.bpda({ ...surrogate, attack: attacks.smoothed({ ...noise, attack }) }),
      options,
    );
    expect(bits(around)).toEqual(bits(within));
    const alone = await model.attack(attacks.smoothed({ ...noise, attack }), options);
    expect(around.raw).not.toEqual(alone.raw);
  });

  it('counts every gradient and one look at the point, and ends at maxQueries', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const queries = async (attack: Attack, maxQueries?: number) =>
      (await model.attack(attack, { ...still, maxQueries })).queries;
    const smoothed = (attack: Attack) => attacks.smoothed({ attack, samples: 3, sigma: 0.01 });
    const each = (forward: number, backward: number) => ({ forward: forward * n, backward: backward * n });
    expect(await queries(smoothed(attacks.pgd({ steps: 5 })))).toEqual(each(20, 15));
    expect(await queries(smoothed(attacks.pgd({ steps: 5 })), 20)).toEqual(each(8, 6));
    expect(await queries(smoothed(attacks.fgsm()))).toEqual(each(4, 3));
    expect(await queries(smoothed(attacks.fgsm()), 6)).toEqual(each(0, 0));
    // Three classes and three neighbours, and one look.
    const deepFool = smoothed(attacks.deepFool({ steps: 1 }));
    expect(await queries(deepFool)).toEqual(each(4, 9));
    expect(await queries(deepFool, 12)).toEqual(each(0, 0));
    expect(await queries(attacks.restarts(smoothed(attacks.pgd({ steps: 2 })), 3), 29)).toEqual(each(16, 12));
  });

  it('never asks for more than maxQueries, whatever is inside', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const inside = {
      pgd: attacks.pgd({ steps: 3, restarts: 2, earlyStop: true }),
      apgd: attacks.apgd({ steps: 3, loss: 'margin', eot: 2 }),
      'apgd in l1': attacks.apgd({ steps: 3, norm: 'l1' }),
      fab: attacks.fab({ steps: 2 }),
      'targeted fab': attacks.fab({ steps: 2, targeted: true }),
      deepFool: attacks.deepFool({ steps: 2 }),
      fgsm: attacks.fgsm(),
    };
    for (const [name, attack] of Object.entries(inside)) {
      for (const maxQueries of [1, 6, 7, 20, 50]) {
        const spec = attacks.smoothed({ attack, samples: 3 });
        const { queries } = await model.attack(spec, { ...options, maxQueries });
        expect(queries.forward + queries.backward, name).toBeLessThanOrEqual(n * maxQueries);
        if (maxQueries === 50) expect(queries.backward, name).toBeGreaterThan(0);
      }
    }
  });

  it('refuses what it would not change', async () => {
    const model = await slope(runtime());
    const refused = (attack: Attack, ...parts: string[]) =>
      expectError(() => attacks.smoothed({ attack }), ConfigError, 'smoothed.attack', ...parts);
    await refused(attacks.estimatedGradient(), "'estimatedGradient'");
    await refused(attacks.transfer({ source: model }), "'transfer'");
    await refused(attacks.bpda({ attack: attacks.smoothed() }), "without 'smoothed'");
    await expectError(() => attacks.smoothed({ sigma: 0 }), ConfigError, 'smoothed.sigma', '> 0', 'got 0');
    await expectError(() => attacks.smoothed({ samples: 0 }), ConfigError, 'smoothed.samples', '>= 1', 'got 0');
  });
});

describe('restarts', () => {
  const runtime = useRuntime();

  it('and cascades do not call a sample not attacked that they break in the end', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.1 }));
    const pgd = attacks.pgd({ steps: 2 });
    // A gradient costs more than there is: only the random starts are new points.
    for (const attack of [pgd, attacks.restarts(pgd, 3), attacks.autoAttack({ attacks: [pgd, attacks.square()] })]) {
      const { success, failures } = await model.attack(attack, { ...options, epsilons: [0.4], maxQueries: 1 });
      const broken = success[0].flatMap((each, i) => (each ? [i] : []));
      expect(broken.length).toBeGreaterThan(0);
      const failed = failures[0].flatMap(({ samples }) => samples);
      expect(failed.filter((i) => broken.includes(i))).toEqual([]);
    }
  });

  it('begin with the attack itself, go on with what is left, and are never worse', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.1 }));
    const attack = attacks.pgd({ steps: 2 });
    const once = await model.attack(attack, options);
    expect(bits(await model.attack(attacks.restarts(attack, 1), options))).toEqual(bits(once));
    const more = await model.attack(attacks.restarts(attack, 6), options);
    const fallen = ({ success }: AttackResult): number => success[0].filter(Boolean).length;
    expect(fallen(once)).toBeGreaterThan(0);
    expect(fallen(more)).toBeGreaterThan(fallen(once));
    for (const [i, success] of once.success[0].entries()) {
      if (!success) continue;
      expect(more.success[0][i]).toBe(true);
      expect(more.raw[0].data.slice(i * 64, (i + 1) * 64)).toEqual(once.raw[0].data.slice(i * 64, (i + 1) * 64));
    }
    expect(more.queries.forward).toBeLessThan(6 * once.queries.forward);
    expect(more.queries.forward).toBeGreaterThanOrEqual(once.queries.forward + 5 * 2 * (n - fallen(more)));
  });

  it('keep the closest of an attack of minimum norm', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const attack = attacks.smoothed({ attack: attacks.deepFool({ norm: 'l2', steps: 10 }), sigma: 0.05, samples: 3 });
    const free = { ...options, epsilons: undefined };
    const once = await model.attack(attack, free);
    const more = await model.attack(attacks.restarts(attack, 4), free);
    expect(Array.from(more.distances[0]).every((distance, i) => distance <= once.distances[0][i])).toBe(true);
    expect(Array.from(more.distances[0]).some((distance, i) => distance < once.distances[0][i])).toBe(true);
  });

  it('share the queries, and count them', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const attack = attacks.restarts(attacks.pgd({ steps: 3 }), 4);
    const of = (steps: number) => ({ forward: steps * n, backward: steps * n });
    expect((await model.attack(attack, still)).queries).toEqual(of(12));
    expect((await model.attack(attack, { ...still, maxQueries: 11 })).queries).toEqual(of(5));
    await expectError(() => attacks.restarts(attacks.fgsm(), 0), ConfigError, 'restarts.runs', '>= 1', 'got 0');
  });
});
