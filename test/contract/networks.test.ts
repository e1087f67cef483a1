/** Whole networks against PyTorch: logits, winners, gradients by input and by parameter, state dicts, layers. */
import { type Model, type ModelSpec, models, nn, type Tensor, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { fixtures, modelOf, type NetworkCase } from '../fixtures/fixtures.js';
import {
  describeVariants,
  expectAllClose,
  expectClose,
  expectValues,
  noise,
  noiseTensor,
  useRuntime,
} from './support.js';

const losses = ['crossEntropy', 'margin', 'dlr'] as const;
const networks: NetworkCase[] = await fixtures('networks');
const named = networks.map((item) => [item.name, item] as const);

/** The winners of all layers as one text for each sample. */
async function patternBySample(model: Model, x: Tensor): Promise<string[]> {
  const layers = await model.activationPattern(x);
  return Array.from({ length: x.shape[0] }, (_, s) => layers.map(({ indices }) => indices[s].join()).join('/'));
}

describeVariants('networks as in PyTorch', (runtime) => {
  const load = async (item: NetworkCase) => {
    const model = await runtime().model(modelOf(item), { seed: 7 });
    await model.loadStateDict(item.stateDict);
    return model;
  };

  it.each(named)('%s: logits and winners', async (_, item) => {
    const model = await load(item);
    const { logits, winners } = item.evaluation;
    expectClose(await model.logits(item.x), logits, 1e-5, 'logits');
    const pattern = await model.activationPattern(item.x);
    expect(pattern.map(({ layer }) => layer).sort()).toEqual(Object.keys(winners).sort());
    for (const { layer, indices } of pattern) {
      expect(
        indices.map((sample) => Array.from(sample)),
        `layer ${layer}`,
      ).toEqual(winners[layer]);
    }
  });

  it.each(named)('%s: gradients by the input', async (_, item) => {
    const model = await load(item);
    for (const loss of losses) {
      const found = await model.inputGradient(item.x, item.labels, { loss });
      expectValues(found.loss, item.evaluation.losses[loss].data, 1e-5, `${loss} of each sample`);
      expectClose(found.gradient, item.evaluation.inputGradients[loss], 1e-4, `gradient of ${loss}`);
    }
  });

  it.each(named)('%s: gradients by the parameters, in training mode', async (_, item) => {
    const model = await load(item);
    const { loss, gradients } = await model.parameterGradients(item.x, item.labels);
    expect(Math.abs(loss - item.training.loss)).toBeLessThan(1e-5 * item.training.loss);
    expectAllClose(gradients, item.training.parameterGradients, 1e-4);
    // Asking for gradients does not train: not a weight and not a running statistic moves.
    expect(await model.stateDict()).toEqual(item.stateDict);
  });

  it.each(named)('%s: the answer to a sample does not depend on its batch', async (_, item) => {
    const model = await load(item);
    const together = await model.logits(item.x);
    const size = item.x.data.length / item.labels.length;
    const order = [2, 0, 3, 1];
    const data = new Float32Array(item.x.data.length);
    for (const [to, from] of order.entries()) data.set(item.x.data.subarray(from * size, (from + 1) * size), to * size);
    const mixed = await model.logits({ shape: item.x.shape, data });
    for (const [to, from] of order.entries()) {
      expect(mixed.data.slice(to * 10, to * 10 + 10)).toEqual(together.data.slice(from * 10, from * 10 + 10));
      const alone = { shape: [1, ...item.input], data: data.slice(to * size, (to + 1) * size) };
      expectClose(await model.logits(alone), { shape: [1, 10], data: mixed.data.slice(to * 10, to * 10 + 10) }, 1e-6);
    }
  });

  it.each(named)('%s: gradients by central differences while the winners stay', async (_, item) => {
    const model = await load(item);
    for (const loss of losses) {
      const { gradient } = await model.inputGradient(item.x, item.labels, { loss });
      const winners = await patternBySample(model, item.x);
      const size = gradient.data.length / item.labels.length;
      let compared = 0;
      for (const seed of [1, 2, 3, 4]) {
        const direction = noise(seed, gradient.data.length);
        const step = 1e-4;
        const [above, below] = await Promise.all(
          [step, -step].map(async (by) => {
            const x = { shape: item.x.shape, data: item.x.data.map((value, i) => value + by * direction[i]) };
            const { loss: values } = await model.inputGradient(x, item.labels, { loss });
            return { values, winners: await patternBySample(model, x) };
          }),
        );
        for (const s of item.labels.keys()) {
          if (above.winners[s] !== winners[s] || below.winners[s] !== winners[s]) continue;
          let along = 0;
          let square = 0;
          for (let i = s * size; i < (s + 1) * size; i++) {
            along += gradient.data[i] * direction[i];
            square += gradient.data[i] ** 2;
          }
          const found = (above.values[s] - below.values[s]) / (2 * step);
          // Losses are rounded to 24 bits, and so is their difference over 2e-4.
          const rounding = (4e-7 * Math.max(1, Math.abs(above.values[s]))) / step;
          expect(Math.abs(found - along), `${loss}, sample ${s}`).toBeLessThan(rounding + 0.02 * Math.sqrt(square));
          compared++;
        }
      }
      expect(compared, `directions in which no winner of ${loss} changes`).toBeGreaterThan(0);
    }
  });
});

describe('state dicts', () => {
  const runtime = useRuntime();

  it('come back as they went in, bit for bit', async () => {
    for (const item of networks) {
      const model = await runtime().model(modelOf(item));
      await model.loadStateDict(item.stateDict);
      const first = await model.stateDict();
      expect(first).toEqual(item.stateDict);
      expect(Object.keys(first)).toEqual(Object.keys(item.stateDict));
      const other = await runtime().model(modelOf(item), { seed: 9 });
      await other.loadStateDict(first);
      expect(await other.logits(item.x)).toEqual(await model.logits(item.x));
    }
  });

  it('are copies: writing to one changes no model', async () => {
    const [item] = networks;
    const model = await runtime().model(modelOf(item));
    const before = await model.logits(item.x);
    for (const { data } of Object.values(await model.stateDict())) data.fill(0);
    expect(await model.logits(item.x)).toEqual(before);
  });

  it("accept PyTorch's num_batches_tracked", async () => {
    const [item] = networks;
    const model = await runtime().model(modelOf(item));
    await model.loadStateDict({ ...item.stateDict, '1.num_batches_tracked': tensor([5], []) });
    expect(await model.stateDict()).toEqual(item.stateDict);
  });

  it("carry torchvision's names for ResNet-18", async () => {
    const spec = models.resNet18({ activation: nn.kwta({ gamma: 0.1 }), width: 4, input: [3, 16, 16] });
    const model = await runtime().model(spec);
    const state = await model.stateDict();
    expect(state['conv1.weight'].shape).toEqual([4, 3, 3, 3]);
    expect(state['bn1.running_var'].shape).toEqual([4]);
    expect(state['layer1.0.conv1.weight'].shape).toEqual([4, 4, 3, 3]);
    expect(state['layer2.0.downsample.0.weight'].shape).toEqual([8, 4, 1, 1]);
    expect(state['layer4.1.bn2.bias'].shape).toEqual([32]);
    expect(state['fc.weight'].shape).toEqual([10, 32]);
    // 20 convolutions, 20 batch norms of four tensors, and the last layer's two.
    expect(Object.keys(state).length).toBe(20 + 80 + 2);
    const trainable = Object.entries(state).filter(([name]) => !name.includes('running'));
    expect(model.parameters).toBe(trainable.reduce((sum, [, { data }]) => sum + data.length, 0));
    const pattern = await model.activationPattern(noiseTensor(1, 1, 3, 16, 16));
    expect(pattern.map(({ layer }) => layer)).toEqual(
      [1, 2, 3, 4].flatMap((s) => [0, 1].flatMap((b) => [`layer${s}.${b}.act1`, `layer${s}.${b}.act2`])),
    );
  });

  it('start from the seed, and differently from another', async () => {
    const [item] = networks;
    const weights = async (seed: number) =>
      (await (await runtime().model(modelOf(item), { seed })).stateDict())['0.weight'].data;
    expect(await weights(5)).toEqual(await weights(5));
    expect(await weights(5)).not.toEqual(await weights(6));
    const bound = 1 / Math.sqrt(9);
    expect((await weights(5)).every((value) => Math.abs(value) <= bound)).toBe(true);
  });
});

describe('layers', () => {
  const runtime = useRuntime();
  const logitsOf = async (spec: ModelSpec, x: Tensor, state: Record<string, Tensor> = {}): Promise<Tensor> => {
    const model = await runtime().model(spec);
    if (Object.keys(state).length > 0) await model.loadStateDict(state);
    const logits = await model.logits(x);
    await model.dispose();
    return logits;
  };

  it('flatten keeps C, H, W order, dense and behind k-WTA', async () => {
    const x = noiseTensor(1, 2, 3, 2, 2);
    const plain = await logitsOf(nn.sequential([nn.flatten()], { input: [3, 2, 2] }), x);
    expect(plain).toEqual({ shape: [2, 12], data: x.data });
    const all = await logitsOf(nn.sequential([nn.kwta({ gamma: 1 }), nn.flatten()], { input: [3, 2, 2] }), x);
    expect(all).toEqual(plain);
  });

  it('a model without parameters has a loss, and no gradients', async () => {
    const model = await runtime().model(nn.sequential([nn.flatten()], { input: [1, 1, 2] }));
    const { loss, gradients } = await model.parameterGradients(tensor([0, Math.log(3), 0, 0], [2, 1, 1, 2]), [1, 0]);
    expect(loss).toBeCloseTo((Math.log(4 / 3) + Math.log(2)) / 2, 6);
    expect(gradients).toEqual({});
  });

  it('normalize has a mean and a deviation for each channel', async () => {
    const x = tensor([0, 0.5, 1, 0.25], [1, 2, 1, 2]);
    const spec = nn.sequential([nn.normalize({ mean: [0.5, 0.25], std: [0.5, 0.25] }), nn.flatten()], {
      input: [2, 1, 2],
    });
    expect(Array.from((await logitsOf(spec, x)).data)).toEqual([-1, 0, 3, 0]);
  });

  it('residual adds its branches; without a shortcut, its input', async () => {
    const x = noiseTensor(2, 3, 2, 2, 2);
    const twice = nn.sequential([nn.residual({ main: [] }), nn.flatten()], { input: [2, 2, 2] });
    expect((await logitsOf(twice, x)).data).toEqual(x.data.map((value) => value + value));
    const branches = nn.residual({ main: [nn.relu()], shortcut: [nn.kwta({ gamma: 0.5 })] });
    const sum = await logitsOf(nn.sequential([branches, nn.flatten()], { input: [2, 2, 2] }), x);
    const winners = await runtime().functional.kwta(x, { gamma: 0.5 });
    expect(sum.data).toEqual(x.data.map((value, i) => Math.max(value, 0) + winners.data[i]));
  });

  it('a gradient that several branches send to one value is their sum', async () => {
    const block = nn.residual({ main: [nn.kwta({ gamma: 0.5 })], shortcut: [nn.residual({ main: [nn.relu()] })] });
    const spec = nn.sequential([nn.kwta({ gamma: 0.75 }), block, nn.flatten(), nn.linear({ out: 2, bias: false })], {
      input: [2, 2, 2],
    });
    const model = await runtime().model(spec);
    const x = noiseTensor(3, 4, 2, 2, 2);
    const weight = noiseTensor(4, 2, 8);
    await model.loadStateDict({ '3.weight': weight });
    const { gradient } = await model.inputGradient(x, [0, 1, 0, 1], { loss: 'margin' });
    const winners = await runtime().functional.kwta(x, { gamma: 0.75 });
    const inner = await runtime().functional.kwta(winners, { gamma: 0.5 });
    const expected = x.data.map((_, i) => {
      const sign = Math.floor(i / 8) % 2 === 0 ? 1 : -1;
      const row = sign * (weight.data[8 + (i % 8)] - weight.data[i % 8]);
      const paths = Number(inner.data[i] !== 0) + Number(winners.data[i] > 0) + 1;
      return winners.data[i] === 0 ? 0 : row * paths;
    });
    expectClose(gradient, { shape: x.shape, data: expected }, 1e-6);
  });

  it('dropout zeroes a share of p and scales the rest; in evaluation it does nothing', async () => {
    const spec = nn.sequential([nn.flatten(), nn.dropout({ p: 0.25 }), nn.linear({ out: 2 })], { input: [1, 20, 20] });
    const model = await runtime().model(spec, { seed: 3 });
    const x = tensor(new Float32Array(400).fill(1), [1, 1, 20, 20]);
    const { gradients } = await model.parameterGradients(x, [0]);
    // The gradient of the weight is that of the logit times what dropout let through.
    const kept = gradients['2.weight'].data.slice(0, 400).map((value) => value / gradients['2.bias'].data[0]);
    expect(kept.every((value) => value === 0 || Math.abs(value - 4 / 3) < 1e-5)).toBe(true);
    const dropped = kept.filter((value) => value === 0).length;
    // Five standard deviations of a binomial of 400 and 0.25.
    expect(Math.abs(dropped - 100)).toBeLessThan(44);
    expect(await model.logits(x)).toEqual(await model.logits(x));
    const state = await model.stateDict();
    const plain = nn.sequential([nn.flatten(), nn.linear({ out: 2 })], { input: [1, 20, 20] });
    const same = { '1.weight': state['2.weight'], '1.bias': state['2.bias'] };
    expect(await logitsOf(plain, x, same)).toEqual(await model.logits(x));
  });

  it('k-WTA with a surrogate gradient computes the same logits and lets the gradient through', async () => {
    const [item] = networks;
    const { input, layers, stateDict } = item;
    const replaced = (backward: string) => ({
      input,
      layers: layers.map(([name, how]) => (name === 'kwta' ? [name, { ...how, backward }] : [name, how])),
    });
    const exact = await runtime().model(modelOf(item));
    await exact.loadStateDict(stateDict);
    for (const backward of ['identity', 'softmask']) {
      const model = await runtime().model(modelOf(replaced(backward) as typeof item));
      await model.loadStateDict(stateDict);
      expectClose(await model.logits(item.x), await exact.logits(item.x), 1e-6);
      const surrogate = await model.inputGradient(item.x, item.labels);
      const { gradient } = await exact.inputGradient(item.x, item.labels);
      expect(surrogate.gradient.data).not.toEqual(gradient.data);
      expect(surrogate.gradient.data.every(Number.isFinite)).toBe(true);
    }
  });
});
