/** APGD, the iterative methods and noise: how far they get, what they ask, and that a sample is attacked by itself. */
import { attacks, ConfigError, type Model, models, nn, type Runtime, type Tensor, tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
import { expectError, noise, noiseTensor, shuffled, useRuntime } from './support.js';
import { greys, slope, stripes, trainedStripeNet } from './toys.js';

type Norm = 'linf' | 'l2' | 'l1';
type Attack = Parameters<Model['attack']>[0];

const norms = ['linf', 'l2', 'l1'] as const;
const size = 16;
const classes = 5;

/** Logits that are linear in the pixels. */
async function linear(runtime: Runtime): Promise<{ model: Model; weight: Float32Array }> {
  const model = await runtime.model(nn.sequential([nn.flatten(), nn.linear({ out: classes })], { input: [1, 4, 4] }));
  const weight = noise(7, classes * size);
  await model.loadStateDict({
    '1.weight': tensor(weight, [classes, size]),
    '1.bias': tensor(
      noise(8, classes).map((value) => 0.1 * value),
      [classes],
    ),
  });
  return { model, weight };
}

/** A network of many classes as it is built, and samples that it is sure to be right about. */
async function bent(runtime: Runtime): Promise<{ model: Model; x: Tensor; labels: number[] }> {
  const spec = models.smallCnn({
    activation: nn.kwta({ gamma: 0.3 }),
    classes: 6,
    input: [1, 8, 8],
    channels: [8, 8, 8],
    head: 'flatten',
  });
  const model = await runtime.model(spec, { seed: 2 });
  const x = noiseTensor(11, 16, 1, 8, 8);
  for (const [i, value] of x.data.entries()) x.data[i] = (value + 1) / 2;
  return { model, x, labels: Array.from(await model.predict(x)) };
}

const broken = (flags: boolean[]): number => flags.filter(Boolean).length;

describe('APGD on a linear model', () => {
  const runtime = useRuntime();
  // Far from the walls of the box, which the formula does not know.
  const x: Tensor = { shape: [20, 1, 4, 4], data: noise(9, 20 * size).map((value) => 0.5 + 0.02 * value) };
  let model: Model;
  let labels: number[];
  let distances: Record<Norm, number[][]>;
  beforeAll(async () => {
    const made = await linear(runtime());
    model = made.model;
    labels = Array.from(await model.predict(x));
    const { data } = await model.logits(x);
    /** How far `gap` is along a slope: by the dual norm; in l1, one pixel after another goes to its wall. */
    const along: Record<Norm, (gap: number, slope: number[], at: Float32Array) => number> = {
      linf: (gap, slope) => gap / slope.reduce((sum, value) => sum + Math.abs(value), 0),
      l2: (gap, slope) => gap / Math.hypot(...slope),
      l1: (gap, slope, at) => {
        let [left, distance] = [gap, 0];
        for (const p of [...slope.keys()].sort((a, b) => Math.abs(slope[b]) - Math.abs(slope[a]))) {
          const change = Math.min(left / Math.abs(slope[p]), slope[p] > 0 ? 1 - at[p] : at[p]);
          left -= change * Math.abs(slope[p]);
          distance += change;
        }
        return left > 1e-6 ? Number.POSITIVE_INFINITY : distance;
      },
    };
    const distanceTo = (norm: Norm, i: number, to: number): number => {
      const own = labels[i];
      if (to === own) return Number.POSITIVE_INFINITY;
      const slope = Array.from({ length: size }, (_, p) => made.weight[to * size + p] - made.weight[own * size + p]);
      const gap = data[i * classes + own] - data[i * classes + to];
      return along[norm](gap, slope, x.data.subarray(i * size, (i + 1) * size));
    };
    const all = (norm: Norm) =>
      labels.map((_, i) => Array.from({ length: classes }, (_, to) => distanceTo(norm, i, to)));
    distances = { linf: all('linf'), l2: all('l2'), l1: all('l1') };
  });

  it.each(norms)('breaks a sample as soon as that is possible, and not before: %s', async (norm) => {
    for (const loss of ['crossEntropy', 'targetedDlr'] as const) {
      for (const i of [0, 1, 2, 3, 4, 5]) {
        const nearest = Math.min(...distances[norm][i]);
        const { success } = await model.attack(attacks.apgd({ norm, loss }), {
          x: tensor(x.data.slice(i * size, (i + 1) * size), [1, 1, 4, 4]),
          labels: [labels[i]],
          epsilons: [0.99 * nearest, 1.03 * nearest],
        });
        expect(success, `${loss} of sample ${i}`).toEqual([[false], [true]]);
      }
    }
  });

  it.each(norms)('reaches its targets: %s', async (norm) => {
    const targets = labels.map((label) => (label + 1) % classes);
    const farthest = Math.max(...targets.map((target, i) => distances[norm][i][target]));
    for (const loss of ['crossEntropy', 'margin', 'targetedDlr'] as const) {
      const { success, predictions } = await model.attack(attacks.apgd({ norm, loss }), {
        x,
        labels,
        targets,
        epsilons: [1e-3, 3 * farthest],
      });
      expect(Array.from(predictions[1]), loss).toEqual(targets);
      expect(broken(success[1])).toBe(20);
      expect(broken(success[0])).toBe(0);
    }
  });
});

describe('a sample that APGD, MI-FGSM or noise attacks', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });
  const alone = useRuntime({ threads: 1, deterministic: true });

  it.each(norms)('is attacked as among others, in any order, on any threads: %s', async (norm) => {
    const { model, x, labels } = await bent(runtime());
    const twin = await alone().model(model.spec);
    await twin.loadStateDict(await model.stateDict());
    const epsilons = [{ linf: 0.02, l2: 0.1, l1: 0.5 }[norm]];
    const values = 64;
    for (const attack of [
      attacks.apgd({ norm, steps: 12 }),
      attacks.apgd({ norm, steps: 6, loss: 'targetedDlr', targetClasses: 2, restarts: 2, eot: 2 }),
      attacks.bim({ norm }),
      attacks.mim({ norm, steps: 4 }),
      ...(['uniform', 'gaussian', 'saltPepper'] as const).map((kind) => attacks.noise({ norm, kind, repeats: 3 })),
    ]) {
      const whole = await model.attack(attack, { x, labels, epsilons, seed: 4 });
      for (const order of [shuffled(1, 16), shuffled(2, 16).slice(0, 7), [13], [5, 5]]) {
        const part = await twin.attack(attack, {
          x: tensor(Float32Array.from(order.flatMap((i) => [...x.data.slice(i * values, (i + 1) * values)])), [
            order.length,
            1,
            8,
            8,
          ]),
          labels: order.map((i) => labels[i]),
          epsilons,
          seed: 4,
        });
        for (const [at, i] of order.entries()) {
          expect(part.success[0][at]).toBe(whole.success[0][i]);
          expect(part.raw[0].data.slice(at * values, (at + 1) * values), `${attack.type} ${i}`).toEqual(
            whole.raw[0].data.slice(i * values, (i + 1) * values),
          );
        }
      }
    }
  });

  it.each(norms)('ends where it was asked: the ball and the box move no candidate: %s', async (norm) => {
    const { model, x, labels } = await bent(runtime());
    for (const epsilon of [1e-4, 0.02, 0.7]) {
      for (const attack of [
        attacks.apgd({ norm, steps: 10 }),
        attacks.apgd({ norm, steps: 3, loss: 'targetedDlr' }),
        attacks.fgsm({ norm }),
        attacks.mim({ norm, steps: 3 }),
        attacks.estimatedGradient({ norm, steps: 2, samples: 10 }),
        attacks.noise({ norm, repeats: 2 }),
        attacks.noise({ norm, kind: 'saltPepper', repeats: 2 }),
      ]) {
        const { raw, clipped, warnings } = await model.attack(attack, { x, labels, epsilons: [epsilon] });
        expect(clipped, `${attack.type} at ${epsilon}`).toEqual(raw);
        expect(warnings).toEqual([[]]);
      }
    }
  });
});

describe('queries', () => {
  const runtime = useRuntime();

  const asked = async (attack: Attack, epsilon: number, maxQueries?: number) => {
    const { model, x, labels } = await bent(runtime());
    const { queries } = await model.attack(attack, { x, labels, epsilons: [epsilon], maxQueries });
    return [queries.forward / 16, queries.backward / 16];
  };

  it('are one gradient at the start and one after each step, of samples that stand', async () => {
    const none = 1e-7;
    expect(await asked(attacks.apgd({ steps: 7 }), none)).toEqual([8, 8]);
    expect(await asked(attacks.apgd({ steps: 7, norm: 'l2', restarts: 2, eot: 3 }), none)).toEqual([48, 48]);
    // In l1 there are three balls, and a start in each.
    expect(await asked(attacks.apgd({ steps: 7, norm: 'l1' }), none)).toEqual([10, 10]);
    expect(await asked(attacks.apgd({ steps: 4, norm: 'l1' }), none)).toEqual([5, 5]);
    // One for the order of the five other classes.
    const targeted = attacks.apgd({ steps: 3, loss: 'targetedDlr' });
    expect(await asked(targeted, none)).toEqual([21, 20]);
    expect(await asked(attacks.apgd({ ...options(targeted), targetClasses: 2, restarts: 2 }), none)).toEqual([17, 16]);
    expect(await asked(attacks.bim(), none)).toEqual([10, 10]);
    expect(await asked(attacks.mim({ steps: 4 }), none)).toEqual([4, 4]);
    expect(await asked(attacks.noise(), none)).toEqual([100, 0]);
  });

  it('end with the goal', async () => {
    const [forward] = await asked(attacks.apgd(), 1);
    expect(forward).toBeLessThan(30);
    const [tries] = await asked(attacks.noise({ kind: 'saltPepper' }), 1);
    expect(tries).toBeLessThan(50);
  });

  it('end at maxQueries', async () => {
    const none = 1e-7;
    expect(await asked(attacks.apgd(), none, 7)).toEqual([3, 3]);
    expect(await asked(attacks.apgd({ eot: 3 }), none, 7)).toEqual([3, 3]);
    expect(await asked(attacks.apgd({ steps: 2, restarts: 5 }), none, 17)).toEqual([8, 8]);
    expect(await asked(attacks.apgd({ norm: 'l1' }), none, 71)).toEqual([35, 35]);
    expect(await asked(attacks.apgd({ loss: 'targetedDlr', steps: 1 }), none, 8)).toEqual([4, 3]);
    expect(await asked(attacks.bim(), none, 7)).toEqual([3, 3]);
    expect(await asked(attacks.mim(), none, 7)).toEqual([3, 3]);
    expect(await asked(attacks.noise(), none, 7)).toEqual([7, 0]);
  });

  it('that were cut off leave the best point in the ball', async () => {
    const { model, x, labels } = await bent(runtime());
    const attack = attacks.apgd({ norm: 'l1' });
    const { raw, clipped, failures } = await model.attack(attack, { x, labels, epsilons: [0.3], maxQueries: 20 });
    expect(clipped).toEqual(raw);
    expect(failures).toEqual([[]]);
    expect(raw[0].data).not.toEqual(x.data);
  });
});

describe('options', () => {
  const runtime = useRuntime();

  it('that make no sense are refused by name', async () => {
    await expectError(
      () => attacks.apgd({ targetClasses: 3 }),
      ConfigError,
      'apgd.targetClasses',
      "'crossEntropy'",
      '3',
    );
    await expectError(() => attacks.apgd({ rho: 1 }), ConfigError, 'apgd.rho', '< 1');
    await expectError(() => attacks.apgd({ eot: 0 }), ConfigError, 'apgd.eot', '>= 1');
    await expectError(() => attacks.mim({ decay: -1 }), ConfigError, 'mim.decay', '>= 0');
    await expectError(() => attacks.noise({ repeats: 0 }), ConfigError, 'noise.repeats', '>= 1');
    expect(attacks.apgd()).toEqual({
      type: 'apgd',
      norm: 'linf',
      loss: 'crossEntropy',
      steps: 100,
      restarts: 1,
      rho: 0.75,
      eot: 1,
    });
  });

  it('of a loss need enough classes', async () => {
    const three = await trainedStripeNet(runtime(), nn.relu());
    const data = stripes(6, 2);
    const run = (model: Model, loss: 'dlr' | 'targetedDlr', of = data) =>
      model.attack(attacks.apgd({ loss }), { x: of.tensor(), labels: of.labels, epsilons: [0.1] });
    await expectError(run(three, 'targetedDlr'), ConfigError, "'targetedDlr'", '4 classes', 'the model has 3');
    await expectError(run(await slope(runtime()), 'dlr', greys(2)), ConfigError, "'dlr'", '3 classes', '2');
  });
});

describe('the iterative methods', () => {
  const runtime = useRuntime();

  it('are PGD without a random start; momentum that forgets all is none', async () => {
    const { model, x, labels } = await bent(runtime());
    for (const norm of norms) {
      const made = async (attack: Attack) =>
        (await model.attack(attack, { x, labels, epsilons: [{ linf: 0.03, l2: 0.2, l1: 1 }[norm]] })).raw[0].data;
      const basic = await made(attacks.bim({ norm, steps: 6 }));
      expect(basic).toEqual(await made(attacks.pgd({ norm, steps: 6, randomStart: false })));
      expect(basic).not.toEqual(await made(attacks.mim({ norm, steps: 6 })));
      if (norm === 'linf') expect(await made(attacks.mim({ norm, steps: 6, decay: 0 }))).toEqual(basic);
    }
  });

  it('warn of steps that cannot cross the ball, by their own name', async () => {
    const model = await slope(runtime());
    const data = greys(2);
    for (const attack of [attacks.bim({ stepSize: 0.001 }), attacks.mim({ stepSize: 0.001 })]) {
      const { warnings } = await model.attack(attack, { x: data.tensor(), labels: data.labels, epsilons: [0.1] });
      expect(warnings[0].join()).toContain(`${attack.type}: 10 steps of 0.001 cannot cross`);
    }
  });
});

describe('noise', () => {
  const runtime = useRuntime();
  const data = greys(1);

  it.each(norms)('fills the ball, goes to its edge, or to the walls: %s', async (norm) => {
    // Nobody falls: the border is far.
    const model = await slope(runtime());
    const epsilon = { linf: 0.01, l2: 0.03, l1: 0.1 }[norm];
    const made = async (kind: 'uniform' | 'gaussian' | 'saltPepper') => {
      const options = { x: data.tensor(), labels: data.labels, epsilons: [epsilon] };
      const { raw, distances } = await model.attack(attacks.noise({ norm, kind, repeats: 2 }), options);
      const before = data.tensor().data;
      return { distance: distances[0][0], changes: Array.from(raw[0].data, (value, i) => value - before[i]) };
    };
    const uniform = await made('uniform');
    expect(uniform.distance).toBeLessThan(epsilon);
    expect(uniform.distance).toBeGreaterThan(epsilon / 2);
    const gaussian = await made('gaussian');
    expect(gaussian.distance).toBeCloseTo(epsilon, 6);
    const salt = await made('saltPepper');
    expect(salt.distance).toBeCloseTo(epsilon, 6);
    const moved = salt.changes.filter((change) => change !== 0).length;
    // From grey, one pixel uses up the ball of l2 and l1.
    expect(moved).toBe(norm === 'linf' ? 16 : 1);
  });

  it('keeps the best of its tries', async () => {
    const model = await slope(runtime());
    const many = greys(12);
    const logits = async (repeats: number) => {
      const options = { x: many.tensor(), labels: many.labels, epsilons: [0.01] };
      const { raw } = await model.attack(attacks.noise({ repeats }), options);
      const { data: values } = await model.logits(raw[0]);
      return Array.from(many.labels, (_, i) => values[2 * i + 1] - values[2 * i]);
    };
    const [one, ten] = [await logits(1), await logits(10)];
    expect(ten.every((margin, i) => margin >= one[i])).toBe(true);
    expect(ten.some((margin, i) => margin > one[i])).toBe(true);
  });

  it('reaches a goal that is near, and a target', async () => {
    const model = await slope(runtime());
    const many = greys(12);
    const options = { x: many.tensor(), labels: many.labels, epsilons: [0.5] };
    const attack = attacks.noise({ kind: 'saltPepper' });
    expect(broken((await model.attack(attack, options)).success[0])).toBe(12);
    const targets = new Array<number>(12).fill(1);
    expect(broken((await model.attack(attack, { ...options, targets })).success[0])).toBe(12);
  });
});

/** What an attack was made with. */
function options({ type: _, ...rest }: ReturnType<typeof attacks.apgd>): Parameters<typeof attacks.apgd>[0] {
  return rest;
}
