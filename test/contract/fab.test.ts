/** The fast adaptive boundary attack: exact on linear models, the same for a sample by itself, and no dearer than said. */
import { attacks, ConfigError, type Model, nn, type Tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// The bound without a wall.
import { dualLength } from '../../dist/attacks/core/hyperplane.js';
import { lengthOf, naiveMove, won } from '../reference/hyperplane.js';
import { expectError, noise, shuffled, useRuntime } from './support.js';
import {
  linearClasses as classes,
  greys,
  linear,
  linearSize as size,
  slope,
  stripes,
  trainedStripeNet,
} from './toys.js';

const norms = ['linf', 'l2', 'l1'] as const;
type Norm = (typeof norms)[number];

describe('FAB on a linear model', () => {
  const runtime = useRuntime();
  const inside: Tensor = { shape: [30, 1, 4, 4], data: noise(9, 30 * size).map((value) => 0.5 + 0.05 * value) };
  // Half of the pixels at a wall: moves are cut short.
  const walled: Tensor = {
    shape: [30, 1, 4, 4],
    data: noise(10, 30 * size).map((value, i) => (i % 2 === 0 ? Math.round(0.5 + 0.5 * value) : 0.5 + 0.5 * value)),
  };
  let model: Model;
  let weight: Float32Array;
  beforeAll(async () => {
    ({ model, weight } = await linear(runtime()));
  });

  /** Moves that a wall made longer. */
  let longer = 0;

  /** The smallest distances to classes: without `targets` to any other than the own. */
  const exact = async (x: Tensor, norm: Norm, targets?: readonly number[]): Promise<number[]> => {
    const logits = (await model.logits(x)).data;
    const own = await model.predict(x);
    return Array.from(own, (from, i) => {
      const point = x.data.slice(i * size, (i + 1) * size);
      const to = targets === undefined ? [0, 1, 2, 3].filter((j) => j !== from) : [targets[i]];
      // To reach a target, it has to be above all others: with the one that is given now alone, this is a lower bound.
      const lengths = to.map((j) => {
        const slope = point.map((_, p) => weight[j * size + p] - weight[from * size + p]);
        const problem = { point, slope, gap: logits[i * classes + j] - logits[i * classes + from] };
        const move = naiveMove(problem, norm);
        longer += Number(lengthOf(move, norm) > (1.05 * Math.abs(problem.gap)) / dualLength(slope, norm));
        return Math.abs(won(problem, move) + problem.gap) < 1e-6 ? lengthOf(move, norm) : Number.POSITIVE_INFINITY;
      });
      return Math.min(...lengths);
    });
  };

  const cases = norms.flatMap((norm) => [false, true].map((targeted) => [norm, targeted] as const));
  it.each(cases)('finds the smallest distance in %s, targeted: %s', async (norm, targeted) => {
    longer = 0;
    for (const x of [inside, walled]) {
      const labels = Array.from(await model.predict(x));
      const attack = attacks.fab({ norm, targeted, steps: 30 });
      const { success, distances, clipped, predictions } = await model.attack(attack, { x, labels });
      expect(predictions[0]).toEqual(await model.predict(clipped[0]));
      expect(clipped[0].data.every((value) => value >= 0 && value <= 1)).toBe(true);
      const least = await exact(x, norm);
      for (const [i, distance] of least.entries()) {
        expect(success[0][i]).toBe(distance < Number.POSITIVE_INFINITY);
        if (!success[0][i]) continue;
        expect(distances[0][i]).toBeGreaterThanOrEqual(distance * (1 - 1e-4));
        expect(distances[0][i]).toBeLessThanOrEqual(distance * 1.01 + 1e-6);
      }
    }
    expect(longer).toBeGreaterThan(20);
  });

  it.each(norms)('reaches targets at no less than the distance to their border in %s', async (norm) => {
    const labels = Array.from(await model.predict(inside));
    const targets = labels.map((label) => (label + 1) % classes);
    const least = await exact(inside, norm, targets);
    const options = { x: inside, labels, targets };
    const { success, predictions, distances, queries } = await model.attack(attacks.fab({ norm }), options);
    expect(Array.from(predictions[0])).toEqual(targets);
    expect(success[0].every(Boolean)).toBe(true);
    for (const [i, distance] of least.entries()) expect(distances[0][i]).toBeGreaterThanOrEqual(distance * (1 - 1e-4));
    // With a target there is one border, whatever the variant.
    const other = await model.attack(attacks.fab({ norm, targeted: true }), options);
    expect(other.raw[0]).toEqual((await model.attack(attacks.fab({ norm }), options)).raw[0]);
    expect(other.queries).toEqual(queries);
  });
});

describe('FAB', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });
  const alone = useRuntime({ threads: 1, deterministic: true });
  const data = stripes(20, 2);
  const labels = Array.from(data.labels);
  const x = data.tensor();

  it.each(norms)('treats a sample as among others, in any order, on any threads: %s', async (norm) => {
    for (const activation of [nn.relu(), nn.kwta({ gamma: 0.2 })]) {
      const model = await trainedStripeNet(runtime(), activation);
      const twin = await alone().model(model.spec);
      await twin.loadStateDict(await model.stateDict());
      for (const targeted of [false, true]) {
        const attack = attacks.fab({ norm, targeted, steps: 5, restarts: 2 });
        const whole = await model.attack(attack, { x, labels, seed: 4 });
        for (const order of [shuffled(1, 20).slice(0, 7), [13], [5, 5]]) {
          const options = { x: data.tensor(order), labels: order.map((i) => labels[i]), seed: 4 };
          const part = await twin.attack(attack, options);
          for (const [at, i] of order.entries()) {
            expect(part.raw[0].data.slice(at * 64, (at + 1) * 64)).toEqual(
              whole.raw[0].data.slice(i * 64, (i + 1) * 64),
            );
            expect(part.distances[0][at]).toBe(whole.distances[0][i]);
          }
        }
      }
    }
  });

  it('asks as many queries as it says, and no more than it may', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const clean = await model.predict(x);
    const right = labels.filter((label, i) => label === clean[i]).length;
    const run = (options: Parameters<typeof attacks.fab>[0], maxQueries?: number) =>
      model.attack(attacks.fab({ norm: 'l2', steps: 7, ...options }), { x, labels, maxQueries });
    const found = ({ distances }: Awaited<ReturnType<typeof run>>): number =>
      distances[0].filter((d) => d > 0 && Number.isFinite(d)).length;
    // One for the classes of the original, two forward a step, three for each that is searched in the end.
    const nearest = await run({});
    expect(nearest.queries).toEqual({ forward: 15 * right + 3 * found(nearest), backward: 21 * right });
    // Four runs, each with its own search when it found something.
    const targeted = await run({ targeted: true, restarts: 2 });
    expect(targeted.queries.backward).toBe(28 * right);
    expect(targeted.queries.forward).toBeGreaterThanOrEqual(57 * right + 3 * found(targeted));
    expect(targeted.queries.forward).toBeLessThanOrEqual(57 * right + 12 * found(targeted));
    const one = await run({ targeted: true, targetClasses: 1 });
    expect(one.queries.backward).toBe(7 * right);
    for (const maxQueries of [3, 5, 6, 17, 24]) {
      for (const options of [{}, { targeted: true, restarts: 2 }]) {
        const limited = await run(options, maxQueries);
        const { forward, backward } = limited.queries;
        expect(forward + backward).toBeLessThanOrEqual(maxQueries * right);
        expect(forward > 0).toBe(maxQueries >= ('targeted' in options ? 4 : 6));
        expect(limited.failures?.[0]?.[0]?.reason).toBe(forward > 0 ? undefined : 'no query was made');
      }
    }
  });

  it.each(norms)('is never worse after restarts in %s', async (norm) => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    let closer = 0;
    for (const targeted of [false, true]) {
      const run = (restarts: number) =>
        model.attack(attacks.fab({ norm, targeted, steps: 8, restarts, targetClasses: 1 }), { x, labels });
      const [one, three] = [await run(1), await run(3)];
      for (const [i, distance] of one.distances[0].entries()) {
        expect(three.distances[0][i]).toBeLessThanOrEqual(distance);
        closer += Number(three.distances[0][i] < distance);
      }
    }
    expect(closer).toBeGreaterThan(0);
  });

  it('comes as near as DeepFool, or nearer', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    for (const norm of ['linf', 'l2'] as const) {
      const [fab, deepFool] = [
        await model.attack(attacks.fab({ norm, steps: 30 }), { x, labels }),
        await model.attack(attacks.deepFool({ norm }), { x, labels }),
      ];
      const sum = ({ distances }: typeof fab) => distances[0].reduce((total, value) => total + value, 0);
      expect(sum(fab)).toBeLessThan(sum(deepFool));
    }
  });

  it.each(norms)('stops at an adversarial inside the ball that a cascade looks in: %s', async (norm) => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    for (const targeted of [false, true]) {
      const fab = attacks.fab({ norm, targeted, steps: 10, restarts: 2 });
      const free = await model.attack(fab, { x, labels });
      // All but the furthest three are inside.
      const found = Array.from(free.distances[0])
        .filter(Number.isFinite)
        .sort((a, b) => a - b);
      const epsilon = (found[found.length - 4] + found[found.length - 3]) / 2;
      const cascade = attacks.autoAttack({ norm, attacks: [fab] });
      const { success, distances, queries } = await model.attack(cascade, { x, labels, epsilons: [epsilon] });
      // One from outside may be adversarial on the border of the ball, too; never the other way round.
      for (const [i, distance] of free.distances[0].entries())
        if (distance <= epsilon) expect(success[0][i]).toBe(true);
      // It found some that are not the closest, and was content.
      expect(queries.backward).toBeLessThan(free.queries.backward / 2);
      expect(distances[0].some((distance, i) => success[0][i] && distance > free.distances[0][i] * 1.01)).toBe(true);
    }
  });

  it('finds nothing where there is no gradient, and says so', async () => {
    const flat = await slope(runtime());
    const state = await flat.stateDict();
    await flat.loadStateDict({ ...state, '1.weight': { shape: [2, 16], data: new Float32Array(32) } });
    const grey = greys(3);
    for (const targeted of [false, true]) {
      const { success, warnings } = await flat.attack(attacks.fab({ targeted }), {
        x: grey.tensor(),
        labels: grey.labels,
      });
      expect(success[0]).toEqual([false, false, false]);
      expect(warnings[0].join()).toContain('3 of 3 samples saw no other');
    }
  });

  it('refuses options that are none', async () => {
    await expectError(() => attacks.fab({ alphaMax: 2 }), ConfigError, 'fab.alphaMax', '<= 1', '2');
    await expectError(() => attacks.fab({ eta: 0.5 }), ConfigError, 'fab.eta', '>= 1', '0.5');
    await expectError(() => attacks.fab({ beta: 0 }), ConfigError, 'fab.beta', '> 0', '0');
    await expectError(() => attacks.fab({ targetClasses: 0 }), ConfigError, 'fab.targetClasses', '>= 1', '0');
  });
});

describe('FAB on the source of a transfer', () => {
  const runtime = useRuntime();

  it('leaves samples where they are that the source gets wrong without an attack', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 8 }), nn.relu(), nn.linear({ out: 2 })], {
      input: [1, 1, 1],
    });
    const model = await runtime().model(spec, { seed: 1 });
    const source = await runtime().model(spec, { seed: 2 });
    const x = { shape: [21, 1, 1, 1], data: Float32Array.from({ length: 21 }, (_, i) => i / 20) };
    const labels = await model.predict(x);
    const answers = await source.predict(x);
    const wrong = Array.from(labels.keys()).filter((i) => answers[i] !== labels[i]);
    expect(wrong.length).toBeGreaterThan(0);
    for (const norm of ['linf', 'l2', 'l1'] as const) {
      for (const targeted of [true, false]) {
        const attack = attacks.transfer({ source, attack: attacks.fab({ norm, targeted, steps: 2 }) });
        const { raw } = await model.attack(attack, { x, labels, epsilons: [0.3] });
        for (const i of wrong) expect(raw[0].data[i]).toBe(x.data[i]);
      }
    }
  });
});
