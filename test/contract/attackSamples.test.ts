/** What an attack does to one sample: by itself, towards a target, without a gradient. */
import { attacks, ConfigError, DataError, DivergedError, nn, ShapeError, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError, useRuntime } from './support.js';
import { greys, slope, stripes, trainedStripeNet } from './toys.js';

describe('a sample by itself', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });

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
