/** Attacks of minimum norm: they run once, and success at every epsilon follows from the distance. */
import { attacks, ConfigError, evaluateRobustness, type Model, nn, type Tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, noise, useRuntime } from './support.js';
import {
  linearClasses as classes,
  greys,
  linear,
  linearSize as size,
  slope,
  stripes,
  trainedStripeNet,
} from './toys.js';

describe('DeepFool on a linear model', () => {
  const runtime = useRuntime();
  // Far from the walls of the box, which the formula does not know.
  const x: Tensor = { shape: [30, 1, 4, 4], data: noise(9, 30 * size).map((value) => 0.5 + 0.05 * value) };
  let model: Model;
  let weight: Float32Array;
  let labels: number[];
  let logits: Float32Array;
  beforeAll(async () => {
    ({ model, weight } = await linear(runtime()));
    labels = Array.from(await model.predict(x));
    logits = (await model.logits(x)).data;
  });

  /** Distance to the border with class `to`: difference of the logits by the dual norm of the slope. */
  const distanceTo = (i: number, to: number, norm: 'linf' | 'l2'): number => {
    const own = labels[i];
    const slope = Array.from({ length: size }, (_, p) => weight[to * size + p] - weight[own * size + p]);
    const length = norm === 'l2' ? Math.hypot(...slope) : slope.reduce((sum, value) => sum + Math.abs(value), 0);
    return (logits[i * classes + own] - logits[i * classes + to]) / length;
  };

  it.each(['linf', 'l2'] as const)('finds the exact distance in %s, but for its overshoot', async (norm) => {
    const attack = attacks.deepFool({ norm, overshoot: 0 });
    const { epsilons, success, distances, clipped, predictions } = await model.attack(attack, { x, labels });
    expect(epsilons).toEqual([Number.POSITIVE_INFINITY]);
    expect(success[0].every(Boolean)).toBe(true);
    expect(predictions[0]).toEqual(await model.predict(clipped[0]));
    for (const i of labels.keys()) {
      const exact = Math.min(
        ...Array.from({ length: classes }, (_, j) => (j === labels[i] ? 9 : distanceTo(i, j, norm))),
      );
      expect(distances[0][i]).toBeGreaterThanOrEqual(exact * 0.9999);
      expect(distances[0][i]).toBeLessThanOrEqual(exact + 2.1e-4);
    }
  });

  it('goes to its targets', async () => {
    const targets = labels.map((label) => (label + 1) % classes);
    const attack = attacks.deepFool({ norm: 'l2' });
    const { success, predictions, distances } = await model.attack(attack, { x, labels, targets });
    expect(Array.from(predictions[0])).toEqual(targets);
    expect(success[0].every(Boolean)).toBe(true);
    for (const i of labels.keys())
      expect(distances[0][i]).toBeGreaterThanOrEqual(0.999 * distanceTo(i, targets[i], 'l2'));
  });

  it('runs once, whatever the epsilons, and is graded at each', async () => {
    const attack = attacks.deepFool({ norm: 'l2' });
    const epsilons = [0.01, 0.05, 10];
    const free = await model.attack(attack, { x, labels });
    const found = await model.attack(attack, { x, labels, epsilons });
    const { raw, success, distances, queriesByEpsilon, queries } = found;
    // It was asked for no ball, and has left none.
    expect(found.warnings).toEqual([[], [], []]);
    for (const e of epsilons.keys()) expect(raw[e]).toEqual(free.raw[0]);
    expect(queries).toEqual(free.queries);
    expect(queriesByEpsilon.slice(1)).toEqual([1, 2].map(() => ({ forward: 0, backward: 0 })));
    for (const [e, epsilon] of epsilons.entries()) {
      for (const i of labels.keys()) {
        // What reached its goal beyond the ball may reach it on the border of the ball, too; never the other way round.
        if (free.distances[0][i] <= epsilon) expect(success[e][i]).toBe(true);
        if (success[e][i]) expect(distances[e][i]).toBeLessThanOrEqual(epsilon * (1 + 1e-6));
        else expect(distances[e][i]).toBe(Number.POSITIVE_INFINITY);
      }
    }
    expect(success[2].every(Boolean)).toBe(true);
  });
});

describe('attacks of minimum norm', () => {
  const runtime = useRuntime();

  it('break a trained network close by, count every gradient, and end at maxQueries', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const data = stripes(20, 2);
    const options = { x: data.tensor(), labels: data.labels };
    const attack = attacks.deepFool({ norm: 'l2' });
    const { success, distances, queries } = await model.attack(attack, options);
    expect(success[0].filter(Boolean).length).toBeGreaterThan(15);
    expect(Math.max(...distances[0].filter(Number.isFinite))).toBeLessThan(4);
    // A gradient for each of three classes.
    expect(queries.backward).toBe(3 * queries.forward);
    const limited = await model.attack(attack, { ...options, maxQueries: 9 });
    expect(limited.queries).toEqual({ forward: 40, backward: 120 });
  });

  it('fail at an infinite distance where there is no gradient, and say so', async () => {
    const flat = await slope(runtime());
    const state = await flat.stateDict();
    await flat.loadStateDict({ ...state, '1.weight': { shape: [2, 16], data: new Float32Array(32) } });
    const data = greys(3);
    const { success, distances, warnings } = await flat.attack(attacks.deepFool(), {
      x: data.tensor(),
      labels: data.labels,
    });
    expect(success[0]).toEqual([false, false, false]);
    expect(distances[0]).toEqual(new Float32Array(3).fill(Number.POSITIVE_INFINITY));
    expect(warnings[0].join()).toContain('3 of 3 samples saw no other');
  });

  it('stand in reports, and behind a transfer', async () => {
    const model = await slope(runtime());
    const data = greys(4);
    const list = [attacks.deepFool(), attacks.transfer({ source: model, attack: attacks.deepFool() })];
    const report = await evaluateRobustness(model, data, { epsilons: [0.01, 0.1], attacks: list });
    expect(report.attacks.map(({ name, epsilon, correct }) => [name, epsilon, correct])).toEqual([
      ['deepFool', 0.01, 4],
      ['deepFool', 0.1, 0],
      ['transfer', 0.01, 4],
      ['transfer', 0.1, 0],
    ]);
  });

  it('need no epsilons; others do', async () => {
    const model = await slope(runtime());
    const data = greys(2);
    const options = { x: data.tensor(), labels: data.labels };
    await expectError(
      model.attack(attacks.fgsm(), options),
      ConfigError,
      'attack.epsilons',
      'a list of radii',
      'undefined',
    );
    await expectError(model.attack(attacks.deepFool(), { ...options, epsilons: [] }), ConfigError, 'attack.epsilons');
    await expectError(() => attacks.deepFool({ overshoot: -1 }), ConfigError, 'deepFool.overshoot', '>= 0', '-1');
  });
});

describe('the bisections of DDN', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });
  const data = stripes(20, 2);
  const options = { x: data.tensor(), labels: data.labels };

  it.each([
    ['ReLU', () => nn.relu()],
    ['k-WTA', () => nn.kwta({ gamma: 0.2 })],
  ])('shorten what the steps found of %s, along the same line, for a query each', async (_name, activation) => {
    const model = await trainedStripeNet(runtime(), activation());
    // So few steps, so far apart, leave much to shorten.
    const how = { steps: 8, gamma: 0.3, candidates: 1 };
    const before = await model.attack(attacks.ddn({ ...how, bisections: 0 }), options);
    const after = await model.attack(attacks.ddn({ ...how, bisections: 6 }), options);
    expect(after.success).toEqual(before.success);
    const open = before.distances[0].filter((distance) => Number.isFinite(distance) && distance > 0).length;
    expect(open).toBeGreaterThan(10);
    expect(after.queries.backward).toBe(before.queries.backward);
    expect(after.queries.forward).toBe(before.queries.forward + 6 * open);
    let shorter = 0;
    for (const [i, distance] of after.distances[0].entries()) {
      const whole = before.distances[0][i];
      if (!Number.isFinite(whole) || whole === 0) continue;
      // Shares are multiples of 1/64.
      const share = distance / whole;
      expect(Math.abs(share * 64 - Math.round(share * 64))).toBeLessThan(1e-3);
      expect(share).toBeLessThanOrEqual(1);
      shorter += Number(share < 1);
      for (let p = i * 64; p < (i + 1) * 64; p++) {
        const [from, to] = [options.x.data[p], before.raw[0].data[p]];
        expect(Math.abs(after.raw[0].data[p] - (from + share * (to - from)))).toBeLessThan(1e-5);
      }
    }
    expect(shorter).toBeGreaterThan(open / 2);
  });

  it('take up what is not the closest where it may become it, and ask once where not', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const how = { steps: 20, gamma: 0.2, bisections: 6 };
    const [one, two, all] = await Promise.all(
      [1, 2, 20].map((candidates) => model.attack(attacks.ddn({ ...how, candidates }), options)),
    );
    const distances = [one, two, all].map((result) => result.distances[0]);
    for (const [fewer, more] of [distances.slice(0, 2), distances.slice(1)]) {
      // Where it gains, it gains a thousandth.
      for (const [i, distance] of more.entries()) {
        expect(distance === fewer[i] || distance <= 0.9991 * fewer[i], `${i}`).toBe(true);
      }
    }
    const gains = distances[2].filter((distance, i) => distance < distances[0][i]).length;
    expect(gains).toBeGreaterThan(3);
    expect(all.queries.backward).toBe(one.queries.backward);
    const more = two.queries.forward - one.queries.forward;
    expect(more).toBeGreaterThan(0);
    expect(more).toBeLessThan(data.labels.length * (1 + how.bisections));
  });

  it('end with the queries that there are', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const attack = attacks.ddn({ steps: 8, gamma: 0.3, bisections: 6, candidates: 1 });
    const made = async (maxQueries: number) => (await model.attack(attack, { ...options, maxQueries })).queries.forward;
    // Steps take 16.
    const [none, one, two, six, all] = await Promise.all([16, 17, 18, 22, 30].map(made));
    const open = one - none;
    expect(open).toBeGreaterThan(10);
    expect([two, six, all]).toEqual([2, 6, 6].map((count) => none + count * open));
  });
});

describe('bisection over an attack of a fixed radius', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });

  it('comes no nearer than the attack itself does, counts its queries, and ends at maxQueries', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const data = stripes(20, 2);
    const options = { x: data.tensor(), labels: data.labels };
    const right = Array.from(await model.predict(options.x)).filter((answer, i) => answer === data.labels[i]).length;
    // One gradient a run: 7 radii until a sample falls at the latest, then 6 halvings.
    const attack = attacks.minimal(attacks.fgsm(), { steps: 6 });
    const { distances, queries, success, gradingQueries } = await model.attack(attack, options);
    expect(success[0].filter(Boolean).length).toBeGreaterThan(10);
    expect(queries.backward).toBe(queries.forward);
    expect(queries.forward).toBeGreaterThan(3 * right);
    expect(queries.forward).toBeLessThanOrEqual(13 * right);
    // Who is right, what each run made, and the end.
    expect(gradingQueries.forward).toBe(40 + queries.forward);
    for (const [i, distance] of distances[0].entries()) {
      if (!Number.isFinite(distance) || distance === 0) continue;
      const at = await model.attack(attacks.fgsm(), {
        x: data.tensor([i]),
        labels: [data.labels[i]],
        epsilons: [distance * (1 + 1e-6)],
      });
      expect(at.success[0]).toEqual([true]);
    }
    const alone = await Promise.all(
      [3, 7].map((i) => model.attack(attack, { x: data.tensor([i]), labels: [data.labels[i]] })),
    );
    for (const [at, i] of [3, 7].entries()) expect(alone[at].distances[0][0]).toBe(distances[0][i]);
    for (const maxQueries of [1, 2, 5]) {
      const limited = await model.attack(attack, { ...options, maxQueries });
      expect(limited.queries.forward).toBe(Math.floor(maxQueries / 2) * right);
      expect(limited.failures?.[0]?.[0]?.samples.length).toBe(maxQueries === 1 ? right : undefined);
    }
  });

  it('draws other random numbers in each ball, the same for a sample by itself', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const data = stripes(10, 2);
    const attack = attacks.minimal(attacks.pgd({ steps: 3, norm: 'l2' }), { steps: 4 });
    const whole = await model.attack(attack, { x: data.tensor(), labels: data.labels, seed: 3 });
    const order = [8, 2, 5];
    const part = await model.attack(attack, {
      x: data.tensor(order),
      labels: order.map((i) => data.labels[i]),
      seed: 3,
    });
    for (const [at, i] of order.entries()) {
      expect(part.raw[0].data.slice(at * 64, (at + 1) * 64)).toEqual(whole.raw[0].data.slice(i * 64, (i + 1) * 64));
    }
  });

  it('stops where nothing is found, goes to its targets, and takes a transfer', async () => {
    const model = await slope(runtime());
    const data = greys(4);
    const targets = [1, 1, 1, 1];
    const inside = attacks.pgd({ steps: 4 });
    const options = { x: data.tensor(), labels: data.labels, targets };
    for (const attack of [
      attacks.minimal(inside),
      attacks.minimal(attacks.transfer({ source: model, attack: inside })),
    ]) {
      const { success, predictions, distances } = await model.attack(attack, options);
      expect(success[0]).toEqual([true, true, true, true]);
      expect(Array.from(predictions[0])).toEqual(targets);
      for (const distance of distances[0]) expect(distance).toBeLessThan(0.08);
    }
    const flat = await slope(runtime());
    const state = await flat.stateDict();
    await flat.loadStateDict({ ...state, '1.weight': { shape: [2, 16], data: new Float32Array(32) } });
    const none = await flat.attack(attacks.minimal(inside), { x: data.tensor(), labels: data.labels });
    expect(none.distances[0]).toEqual(new Float32Array(4).fill(Number.POSITIVE_INFINITY));
  });

  it('refuses attacks of minimum norm, and options that are none', async () => {
    const message = "expected an attack of a fixed radius, got 'deepFool'";
    await expectError(() => attacks.minimal(attacks.deepFool()), ConfigError, 'minimal.attack', message);
    await expectError(
      () => attacks.minimal(attacks.minimal(attacks.pgd())),
      ConfigError,
      'minimal.attack',
      "'minimal'",
    );
    await expectError(() => attacks.minimal(attacks.pgd(), { steps: 0 }), ConfigError, 'minimal.steps', '>= 1', '0');
    await expectError(
      () => attacks.minimal(attacks.pgd(), 3 as never),
      ConfigError,
      'minimal',
      'an options object',
      '3',
    );
  });
});
