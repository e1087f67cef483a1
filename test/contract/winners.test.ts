/** k-WTA beyond the original: winners in channels and pixels, by magnitude, and boosted by duty cycle. */
import {
  ConfigError,
  createRuntime,
  type Dataset,
  datasets,
  type Model,
  type ModuleSpec,
  nn,
  optim,
  type Runtime,
  type Tensor,
  tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError, noiseTensor, shared, useRuntime } from './support.js';

const runtime = useRuntime({ threads: 1 });

/** Places of the values that survive. */
async function survivors(x: Tensor, options: Parameters<typeof nn.kwta>[0]): Promise<number[]> {
  const ones = { ...x, data: x.data.map(() => 1) };
  const { x: mask } = await runtime().functional.vjp('kwta', { x, ...options }, ones);
  return Array.from(mask.data.keys()).filter((i) => mask.data[i] === 1);
}

describe('the scope of k-WTA', () => {
  // Two channels of 2x2 pixels.
  const x = tensor([1, -4, 3, 2, 0, 5, -6, 1], [1, 2, 2, 2]);

  it('is the layer, each channel over its pixels, or each pixel over its channels', async () => {
    expect(await survivors(x, { k: 2 })).toEqual([2, 5]);
    expect(await survivors(x, { k: 2, scope: 'channel' })).toEqual([2, 3, 5, 7]);
    expect(await survivors(x, { k: 1, scope: 'pixel' })).toEqual([0, 2, 3, 5]);
    expect(await survivors(x, { gamma: 0.5, scope: 'pixel' })).toEqual([0, 2, 3, 5]);
  });

  it('breaks ties by the lowest index, or keeps them', async () => {
    const equal = tensor(new Float32Array(8).fill(0.5), [1, 2, 2, 2]);
    expect(await survivors(equal, { k: 2, scope: 'channel' })).toEqual([0, 1, 4, 5]);
    expect(await survivors(equal, { k: 1, scope: 'pixel' })).toEqual([0, 1, 2, 3]);
    expect((await survivors(equal, { k: 1, scope: 'pixel', ties: 'keep' })).length).toBe(8);
  });

  it('ranks by magnitude when asked to, and lets values pass as they are', async () => {
    expect(await survivors(x, { k: 2, by: 'magnitude' })).toEqual([5, 6]);
    const output = await runtime().functional.kwta(x, { k: 1, by: 'magnitude', scope: 'channel' });
    expect(Array.from(output.data)).toEqual([0, -4, 0, 0, 0, 0, -6, 0]);
  });

  it('is named where no value or too many would win', async () => {
    await expectError(
      () => runtime().functional.kwta(x, { gamma: 0.1, scope: 'pixel' }),
      ConfigError,
      'N = 2 in each pixel',
      'k = floor(gamma * N) = 0',
    );
    await expectError(
      () => runtime().functional.kwta(x, { k: 5, scope: 'channel' }),
      ConfigError,
      'N = 4 in each channel',
      'got k = 5',
    );
  });
});

describe('winners behind max pooling', () => {
  // Where a window has no winner, the convolution may leave the gradient out: one of zero must not be taken for none.
  const { data } = noiseTensor(5, 3, 2, 8, 6);
  const values = data.map((value, i) => (i % 3 === 0 ? 0 : Math.sign(value) * Math.max(Math.abs(value), 0.01)));
  const x = tensor(values, [3, 2, 8, 6]);
  const labels = [0, 3, 1];
  const behind: ModuleSpec[] = [
    nn.maxPool2d({ kernel: 2, name: 'pool' }),
    nn.conv2d({ out: 48, kernel: 3, padding: 1, name: 'convolution' }),
    nn.flatten(),
    nn.linear({ out: 4, name: 'classes' }),
  ];

  it.each([4, 40, 60, 96])('of which %i win have their gradients, those of zero among them', async (k) => {
    const input: [number, number, number] = [2, 8, 6];
    const model = await runtime().model(nn.sequential([nn.kwta({ k }), ...behind], { input }), { seed: 3 });
    const dense = await runtime().model(nn.sequential(behind, { input }), { seed: 4 });
    await dense.loadStateDict(await model.stateDict());
    const passed = await runtime().functional.kwta(x, { k });
    const won = await survivors(x, { k });
    const mask = x.data.map((_, i) => Number(won.includes(i)));
    expect(won.some((i) => x.data[i] === 0)).toBe(k > 4);
    const byInput = await dense.inputGradient(passed, labels);
    expect(Array.from((await model.inputGradient(x, labels)).gradient.data)).toEqual(
      Array.from(byInput.gradient.data, (value, i) => expect.closeTo(mask[i] * value, 6)),
    );
    // In training the batch chooses the way, not each sample.
    const { gradients } = await model.parameterGradients(x, labels);
    for (const [name, { data }] of Object.entries((await dense.parameterGradients(passed, labels)).gradients)) {
      expect(Array.from(gradients[name].data), name).toEqual(Array.from(data, (value) => expect.closeTo(value, 6)));
    }
  });
});

describe('boosted k-WTA', () => {
  const sizes = { channels: 6, pixels: 9 };
  const data = (count: number): Dataset => {
    const { data: values } = noiseTensor(3, count, sizes.channels, 3, 3);
    // The first channels are larger, so that the others win rarely.
    const lifted = values.map((value, i) => value / 2 + 0.5 - 0.1 * (Math.floor(i / sizes.pixels) % sizes.channels));
    const pixels = lifted.map((value) => Math.min(1, Math.max(0, value)));
    return datasets.fromTensors({
      images: { shape: [count, sizes.channels, 3, 3], data: pixels },
      labels: Int32Array.from({ length: count }, (_, i) => i % 2),
      classes: 2,
    });
  };
  const build = (own: Runtime, strength: number, period = 1000, inferenceFactor = 1): Promise<Model> =>
    own.model(
      nn.sequential(
        [nn.kwta({ gamma: 0.2, boost: { strength, period, inferenceFactor } }), nn.flatten(), nn.linear({ out: 2 })],
        { input: [sizes.channels, 3, 3] },
      ),
      { seed: 1 },
    );
  const train = async (model: Model, set: Dataset, epochs = 1): Promise<void> => {
    await model.fit(set, { epochs, batchSize: 8, optimizer: optim.sgd({ lr: 0.01 }) });
  };

  it('counts how often each channel won, in its state dict', async () => {
    const model = await build(runtime(), 0);
    const set = data(40);
    await train(model, set);
    const [{ indices }] = await model.activationPattern(set.tensor());
    const wins = new Float64Array(sizes.channels);
    for (const sample of indices) for (const i of sample) wins[Math.floor(i / sizes.pixels)]++;
    const [cycles] = nn.dutyCycles(await model.stateDict());
    expect(cycles.layer).toBe('0');
    expect(cycles.samples).toBe(40);
    for (const [c, share] of cycles.shares.entries()) expect(share).toBeCloseTo(wins[c] / (40 * sizes.pixels), 6);
    // Ten winners of 54 values.
    expect(cycles.shares.reduce((a, b) => a + b, 0) * sizes.pixels).toBeCloseTo(10, 4);
    await model.dispose();
  });

  it('lets all channels win more evenly, the more the stronger, and remembers one period', async () => {
    const entropies: number[] = [];
    for (const strength of [0, 2, 8]) {
      const model = await build(runtime(), strength, 16);
      await train(model, data(80), 3);
      const [{ entropy, maxEntropy, samples }] = nn.dutyCycles(await model.stateDict());
      expect(samples).toBe(16);
      expect(entropy).toBeLessThanOrEqual(maxEntropy + 1e-4);
      entropies.push(entropy);
      await model.dispose();
    }
    expect(entropies[1]).toBeGreaterThan(entropies[0]);
    expect(entropies[2]).toBeGreaterThan(entropies[1]);
  });

  it('ranks by value * exp(strength * (target - duty)), and lets more win in inference', async () => {
    const model = await build(runtime(), 3, 1000, 1.5);
    const shares = Float32Array.from([0.9, 0.5, 0.2, 0.1, 0, 0]);
    const state = { ...(await model.stateDict()), '0.duty_cycle': { shape: [6], data: shares } };
    await model.loadStateDict(state);
    const x = data(2).tensor();
    const size = sizes.channels * sizes.pixels;
    const target = 10 / size;
    const expected = [0, 1].map((s) => {
      const keys = x.data
        .subarray(s * size, (s + 1) * size)
        .map((value, i) => value * Math.exp(3 * (target - shares[Math.floor(i / sizes.pixels)])));
      const order = Array.from(keys.keys()).sort((a, b) => keys[b] - keys[a] || a - b);
      return order.slice(0, 15).sort((a, b) => a - b);
    });
    const [{ indices }] = await model.activationPattern(x);
    expect(indices.map((sample) => Array.from(sample))).toEqual(expected);
    await model.dispose();
  });

  it('leaves its duty cycle alone outside of training, and is the same with any number of threads', async () => {
    const set = data(40);
    const states = [];
    for (const threads of shared ? [1, 2] : [1, 1]) {
      const own = await createRuntime({ threads });
      const model = await build(own, 4, 20);
      await train(model, set, 2);
      states.push(await model.stateDict());
      await model.logits(set.tensor());
      await model.parameterGradients(set.tensor(), set.labels);
      expect(await model.stateDict()).toEqual(states.at(-1));
      await own.dispose();
    }
    expect(states[1]).toEqual(states[0]);
  });

  it('is refused where every channel wins as often', async () => {
    await expectError(
      () => nn.kwta({ k: 2, scope: 'channel', boost: { strength: 1 } }),
      ConfigError,
      'kwta.boost',
      "scope 'channel'",
    );
    await expectError(() => nn.kwta({ k: 2, boost: { strength: -1 } }), ConfigError, 'kwta.boost.strength', '>= 0');
    await expectError(() => nn.dutyCycles(null as never), ConfigError, 'dutyCycles', 'null');
  });
});
