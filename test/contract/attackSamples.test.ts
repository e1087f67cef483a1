/** What an attack does to one sample: by itself, towards a target, without a gradient. */
import { attacks, ConfigError, DataError, DivergedError, nn, ShapeError, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError, shuffled, useRuntime } from './support.js';
import { greys, slope, stripes, trainedStripeNet } from './toys.js';

describe('a sample by itself', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });
  const alone = useRuntime({ threads: 1, deterministic: true });
  const test = stripes(20, 2);
  const labels = Array.from(test.labels);
  const x = test.tensor();

  it.each(['linf', 'l2'] as const)('is attacked as among others, in any order, on any threads: %s', async (norm) => {
    for (const activation of [nn.relu(), nn.kwta({ gamma: 0.2 })]) {
      const model = await trainedStripeNet(runtime(), activation);
      const twin = await alone().model(model.spec);
      await twin.loadStateDict(await model.stateDict());
      const pgd = attacks.pgd({ norm, steps: 4, restarts: 2, earlyStop: true });
      for (const attack of [
        pgd,
        attacks.deepFool({ norm }),
        attacks.estimatedGradient({ norm, steps: 3, samples: 20 }),
        attacks.bpda({ attack: pgd, backward: 'softmask' }),
        attacks.smoothed({ attack: pgd, samples: 3 }),
        attacks.restarts(attacks.smoothed({ attack: attacks.fgsm({ norm }), samples: 2 }), 3),
        attacks.estimatedGradient({ norm, steps: 2, samples: 20, estimator: 'spsa' }),
      ]) {
        const whole = await model.attack(attack, { x, labels, epsilons: [0.05], seed: 4 });
        for (const order of [shuffled(1, 20), shuffled(2, 20).slice(0, 7), [13], [5, 5]]) {
          const part = await twin.attack(attack, {
            x: test.tensor(order),
            labels: order.map((i) => labels[i]),
            epsilons: [0.05],
            seed: 4,
          });
          for (const [at, i] of order.entries()) {
            expect(part.success[0][at]).toBe(whole.success[0][i]);
            expect(part.raw[0].data.slice(at * 64, (at + 1) * 64)).toEqual(
              whole.raw[0].data.slice(i * 64, (i + 1) * 64),
            );
          }
        }
      }
    }
  });

  it('may be one of hundreds', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const many = stripes(600, 3);
    const attack = attacks.pgd({ steps: 3 });
    const options = (data: typeof many) => ({ x: data.tensor(), labels: data.labels, epsilons: [0.05] });
    const whole = await model.attack(attack, options(many));
    const part = await model.attack(attack, options(many.slice(500, 520)));
    expect(whole.clipped[0].data.slice(500 * 64, 520 * 64)).toEqual(part.clipped[0].data);
    expect(whole.success[0].slice(500, 520)).toEqual(part.success[0]);
  });
});

describe('targeted attacks', () => {
  const runtime = useRuntime();
  const test = stripes(30, 2);
  const labels = Array.from(test.labels);
  const targets = labels.map((label) => (label + 1) % 3);
  const options = { x: test.tensor(), labels, targets, epsilons: [0.02, 1] };

  it('reach their targets, and count nothing else as success', async () => {
    for (const activation of [nn.relu(), nn.kwta({ gamma: 0.2 })]) {
      const model = await trainedStripeNet(runtime(), activation);
      for (const attack of [
        attacks.pgd({ steps: 20 }),
        attacks.pgd({ steps: 20, loss: 'margin', norm: 'l2', stepSize: 0.2 }),
        attacks.pgd({ steps: 20, restarts: 2, earlyStop: true }),
        attacks.estimatedGradient({ steps: 20, samples: 40 }),
        attacks.transfer({ source: model, attack: attacks.pgd({ steps: 20 }) }),
        attacks.bpda({ attack: attacks.pgd({ steps: 20 }) }),
        attacks.smoothed({ attack: attacks.pgd({ steps: 20 }), samples: 3 }),
        attacks.restarts(attacks.pgd({ steps: 20 }), 3),
      ]) {
        const { success, predictions, clipped } = await model.attack(attack, options);
        for (const e of [0, 1]) {
          expect(predictions[e]).toEqual(await model.predict(clipped[e]));
          expect(success[e]).toEqual(targets.map((target, i) => predictions[e][i] === target));
        }
        expect(success[1].filter(Boolean).length).toBeGreaterThan(success[0].filter(Boolean).length);
      }
    }
  });

  it('are refused with targets that are none', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const attack = (more: object) => model.attack(attacks.fgsm(), { ...options, ...more });
    await expectError(attack({ targets: labels }), DataError, 'targets', 'other classes than the labels', 'index 0');
    await expectError(attack({ targets: targets.slice(1) }), ShapeError, 'targets', '30', '29');
    await expectError(attack({ targets: targets.map(() => 3) }), DataError, 'targets', '0 to 2', 'got 3');
  });
});

describe('gradients that are not there', () => {
  const runtime = useRuntime();
  const data = greys(12);
  const options = { x: data.tensor(), labels: data.labels, epsilons: [0.1] };

  it('are told of by every attack that follows them', async () => {
    const flat = await slope(runtime());
    const state = await flat.stateDict();
    await flat.loadStateDict({ ...state, '1.weight': { shape: [2, 16], data: new Float32Array(32) } });
    for (const attack of [attacks.fgsm(), attacks.pgd({ steps: 3 }), attacks.transfer({ source: flat })]) {
      const { warnings } = await flat.attack(attack, options);
      expect(warnings[0].join()).toContain(
        'the gradient was zero for 100 % of the queries; 12 of 12 samples saw no other',
      );
    }
    const { warnings } = await flat.attack(attacks.estimatedGradient({ steps: 2, samples: 4 }), options);
    expect(warnings[0].join()).not.toContain('gradient was zero');
  });

  it('do not stop an attack on a cross entropy that is saturated', async () => {
    const model = await slope(runtime());
    const state = await model.stateDict();
    const steep = Object.fromEntries(
      Object.entries(state).map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => 1e4 * value) }]),
    );
    await model.loadStateDict(steep);
    const { gradient } = await model.inputGradient(options.x, options.labels);
    expect(gradient.data.every((value) => value === 0)).toBe(true);
    const { success, warnings } = await model.attack(attacks.pgd({ steps: 5 }), options);
    expect(success[0]).toEqual(new Array(12).fill(true));
    expect(warnings[0].join()).not.toContain('gradient was zero');
  });

  it('and logits that are NaN are errors, not classes', async () => {
    const model = await slope(runtime());
    const huge = (value: number) => tensor(new Float32Array(32).fill(value), [2, 16]);
    await model.loadStateDict({ '1.weight': huge(3e38), '1.bias': tensor([-3e38, 3e38], [2]) });
    // Infinity minus infinity.
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 2 }), nn.linear({ out: 2 })], { input: [1, 4, 4] });
    const broken = await runtime().model(spec);
    await broken.loadStateDict({
      '1.weight': huge(3e38),
      '1.bias': tensor([0, 0], [2]),
      '2.weight': tensor([1, -1, 1, -1], [2, 2]),
      '2.bias': tensor([0, 0], [2]),
    });
    await expectError(broken.attack(attacks.fgsm(), options), DivergedError, 'NaN');
  });

  it('a model of one class is no target', async () => {
    const model = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 1 })], { input: [1, 4, 4] }));
    await expectError(
      model.attack(attacks.pgd({ loss: 'margin' }), options),
      ConfigError,
      'two classes or more, got 1',
    );
    await expectError(
      model.inputGradient(options.x, options.labels, { loss: 'margin' }),
      ConfigError,
      'margin',
      '2 classes',
      '1',
    );
    expect((await model.logits(options.x)).shape).toEqual([12, 1]);
  });
});
