/** Operators and their vector-Jacobian products against PyTorch, and the exact semantics of k-WTA. */
import { type Model, nn, type Runtime, type Tensor, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import {
  type BatchNormCase,
  type Conv2dCase,
  fixtures,
  type KwtaCase,
  type OperatorCase,
} from '../fixtures/fixtures.js';
import { describeVariants, expectAllClose, expectClose, useRuntime } from './support.js';

/** Float32 sums of a few hundred terms; PyTorch's values are exact to the last bit. */
const tolerance = 2e-6;

type Call = (runtime: Runtime, args: object) => Promise<Tensor>;
type Vjp = (name: string, args: object, outputGradient: Tensor) => Promise<Record<string, Tensor>>;

/** Fixtures name operators and arguments as the package does. */
const forward = ({ op }: OperatorCase): Call => {
  if (op === 'matmul') {
    return (runtime, args) => {
      const { a, b } = args as { a: Tensor; b: Tensor };
      return runtime.functional.matmul(a, b);
    };
  }
  return (runtime, args) => {
    const { x, ...options } = args as { x: Tensor };
    const call = runtime.functional[op as 'relu'] as (x: Tensor, options: object) => Promise<Tensor>;
    return call(x, options);
  };
};

const vjp = (runtime: Runtime, { op, args, outputGradient }: OperatorCase): Promise<Record<string, Tensor>> =>
  (runtime.functional.vjp as Vjp)(op, args, outputGradient);

async function operatorCases(): Promise<OperatorCase[]> {
  const plain = await Promise.all(
    (
      [
        'conv2d',
        'linear',
        'matmul',
        'batch_norm',
        'pool',
        'elementwise',
        'activations',
        'sample_norm',
        'loss',
        'kwta',
      ] as const
    ).map((subject) => fixtures(subject)),
  );
  return plain.flat().filter((item): item is OperatorCase => 'op' in item);
}

const cases = await operatorCases();
const convolutions: Conv2dCase[] = await fixtures('conv2d');
const winners: KwtaCase[] = await fixtures('kwta');
const largest = await fixtures('topk');

describeVariants('operators as in PyTorch', (runtime) => {
  it.each(cases.map((item) => [`${item.op}: ${item.name}`, item] as const))('%s', async (_, item) => {
    expectClose(await forward(item)(runtime(), item.args), item.output, tolerance, 'output');
    const { after } = item as BatchNormCase;
    // In training mode the running statistics come beside the gradients.
    const { runningMean, runningVar, ...gradients } = await vjp(runtime(), item);
    expectAllClose(gradients, item.gradients, tolerance);
    if (after) {
      expectClose(runningMean, after.runningMean, tolerance, 'running mean');
      expectClose(runningVar, after.runningVar, tolerance, 'running variance');
    }
  });

  const behind = convolutions.filter((item) => item.behindKwta);
  it.each(behind.map((item) => [item.name, item] as const))('conv2d of k-WTA, %s', async (_, item) => {
    await checkBehindKwta(runtime(), item);
  });

  it.each(largest.map((item) => [item.name, item] as const))('topk: %s', async (_, item) => {
    const { values, indices } = await runtime().functional.topk(item.args.x, { k: item.args.k });
    expect(values).toEqual(item.values);
    expect(Array.from(indices.data)).toEqual(item.indices.flat());
  });

  it.each(winners.map((item) => [item.name, item] as const))('k-WTA keeps exactly the winners: %s', async (_, item) => {
    const output = await runtime().functional.kwta(item.args.x as Tensor, options(item));
    // Survivors pass unchanged, the rest is zero: not a bit is rounded.
    expect(output.data.map((value) => value + 0)).toEqual(item.output.data.map((value) => value + 0));
    const ones = { shape: output.shape, data: new Float32Array(output.data.length).fill(1) };
    const { x: mask } = await (runtime().functional.vjp as Vjp)('kwta', item.args, ones);
    const size = mask.data.length / item.winners.length;
    for (const [s, expected] of item.winners.entries()) {
      const sample = mask.data.subarray(s * size, (s + 1) * size);
      expect(Array.from(sample.keys()).filter((i) => sample[i] !== 0)).toEqual(expected);
      expect(sample.every((value) => value === 0 || value === 1)).toBe(true);
      if (item.args.ties !== 'keep') expect(expected.length).toBe(item.k);
    }
  });
});

describe('k-WTA, exactly', () => {
  const runtime = useRuntime();
  const survivors = async (x: Tensor, how: { gamma?: number; k?: number; ties?: 'lowest' | 'keep' }) => {
    const { x: mask } = await runtime().functional.vjp('kwta', { x, ...how }, { ...x, data: x.data.map(() => 1) });
    return Array.from(mask.data.keys()).filter((i) => mask.data[i] === 1);
  };

  it('breaks ties by the lowest index in C, H, W order, not in the order of memory', async () => {
    // 3 channels of 2x2 pixels, all equal: four winners are all of channel 0.
    expect(await survivors(tensor(new Float32Array(12).fill(0.5), [1, 3, 2, 2]), { k: 4 })).toEqual([0, 1, 2, 3]);
    expect(await survivors(tensor(new Float32Array(12).fill(0.5), [1, 3, 2, 2]), { k: 5 })).toEqual([0, 1, 2, 3, 4]);
  });

  it('gives ties at the threshold to the lowest index behind larger values', async () => {
    const x = tensor([1, 3, 1, 1, 2, 1, 1, 2], [1, 2, 2, 2]);
    expect(await survivors(x, { k: 5 })).toEqual([0, 1, 2, 4, 7]);
    expect(await survivors(x, { k: 3, ties: 'keep' })).toEqual([1, 4, 7]);
    expect(await survivors(x, { k: 2, ties: 'keep' })).toEqual([1, 4, 7]);
    expect(await survivors(x, { k: 2 })).toEqual([1, 4]);
  });

  it('takes -0 and +0 for equal', async () => {
    expect(await survivors(tensor([-1, -0, 0, -0, 0], [1, 5]), { k: 2 })).toEqual([1, 2]);
    expect(await survivors(tensor([-1, 0, -0, 0, -0], [1, 5]), { k: 3 })).toEqual([1, 2, 3]);
  });

  it('keeps negative winners and infinities of either sign', async () => {
    const x = tensor([-3, -1, -2, -5], [1, 4]);
    expect(Array.from((await runtime().functional.kwta(x, { k: 2 })).data)).toEqual([0, -1, -2, 0]);
    const far = tensor([1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, -3], [1, 4]);
    expect(Array.from((await runtime().functional.kwta(far, { k: 3 })).data)).toEqual([
      1,
      0,
      Number.POSITIVE_INFINITY,
      -3,
    ]);
  });

  it('reads gamma as the decimal that was written', async () => {
    const ramp = (n: number) =>
      tensor(
        Float32Array.from({ length: n }, (_, i) => i),
        [1, n],
      );
    for (const [gamma, n, k] of [
      [0.29, 100, 29],
      [0.57, 100, 57],
      [0.07, 100, 7],
      [0.1, 30, 3],
      [0.7, 10, 7],
      [1e-2, 100, 1],
      [0.35, 20, 7],
      [0.999, 1000, 999],
    ]) {
      expect((await survivors(ramp(n), { gamma })).length, `gamma ${gamma} of ${n}`).toBe(k);
    }
  });

  it('is the identity at gamma 1', async () => {
    const x = tensor([-3, 0, 2, -0.5, 7, 1e-30], [1, 6, 1, 1]);
    expect((await runtime().functional.kwta(x, { gamma: 1 })).data).toEqual(x.data);
  });

  it('treats every sample by itself', async () => {
    const x = tensor([10, 20, 30, 1, 2, 3], [2, 3]);
    expect(await survivors(x, { k: 1 })).toEqual([2, 5]);
  });

  it('offers surrogate gradients', async () => {
    const x = tensor([0.3, -0.2, 0.9, 0.5], [1, 4]);
    const gradient = tensor([1, 2, 3, 4], [1, 4]);
    const surrogate = async (backward: 'identity' | 'softmask') =>
      (await runtime().functional.vjp('kwta', { x, k: 2, backward }, gradient)).x;
    expect(await surrogate('identity')).toEqual(gradient);
    // A sigmoid around the smallest winner, 0.5, in place of the step.
    const soft = Array.from(x.data, (value, i) => gradient.data[i] / (1 + Math.exp((0.5 - value) / 0.1)));
    expectClose(await surrogate('softmask'), tensor(soft, [1, 4]), tolerance);
  });
});

function options({ args }: KwtaCase): { gamma?: number; k?: number } {
  const { x: _, ...rest } = args;
  return rest;
}

/**
 * The convolution that reads compressed winners, reached through models: k-WTA, convolution, then logits
 * (0, c <g, output>). The margin of class 1 over class 0 then sends c g back, sample by sample.
 */
async function checkBehindKwta(runtime: Runtime, item: Conv2dCase): Promise<void> {
  const { args, behindKwta, outputGradient } = item;
  const { gamma, output, gradients } = behindKwta as Required<Conv2dCase>['behindKwta'];
  const { x, weight, bias, stride, padding } = args as Record<string, Tensor> & { stride: number; padding: number };
  const [n, ...input] = x.shape as [number, number, number, number];
  const [out, , kernel] = weight.shape;
  const layers = [
    nn.kwta({ gamma }),
    nn.conv2d({ out, kernel, stride, padding, bias: bias !== undefined }),
    nn.flatten(),
  ];
  const parameters = { '1.weight': weight, ...(bias && { '1.bias': bias }) };

  const plain = await runtime.model(nn.sequential(layers, { input }));
  await plain.loadStateDict(parameters);
  const logits = await plain.logits(x);
  expectClose({ shape: output.shape, data: logits.data }, output, tolerance, 'output');
  await plain.dispose();

  const read = nn.linear({ out: 2, bias: false });
  const model = await runtime.model(nn.sequential([...layers, read], { input }));
  const size = output.data.length / n;
  const inputSize = x.data.length / n;
  const inputGradient = new Float32Array(x.data.length);
  const sums: Record<string, Float64Array> = {};
  for (let s = 0; s < n; s++) {
    const g = outputGradient.data.subarray(s * size, (s + 1) * size);
    const scale = 2 / Math.hypot(...g, 1);
    await loadReadout(model, parameters, g, scale);
    const sample = { shape: [1, ...input], data: x.data.slice(s * inputSize, (s + 1) * inputSize) };
    const { gradient } = await model.inputGradient(sample, [0], { loss: 'margin' });
    inputGradient.set(
      gradient.data.map((value) => value / scale),
      s * inputSize,
    );
    // Cross entropy sends back the probability of class 1, times c g.
    const [zero, one] = (await model.logits(sample)).data;
    const probability = 1 / (1 + Math.exp(zero - one));
    const { gradients: found } = await model.parameterGradients(sample, [0]);
    for (const name of Object.keys(parameters)) {
      sums[name] ??= new Float64Array(found[name].data.length);
      for (const [i, value] of found[name].data.entries()) sums[name][i] += value / (scale * probability);
    }
  }
  await model.dispose();
  expectClose({ shape: x.shape, data: inputGradient }, gradients.x, 2 * tolerance, 'input gradient');
  expectClose(
    { shape: weight.shape, data: Float32Array.from(sums['1.weight']) },
    gradients.weight,
    2 * tolerance,
    'weight gradient',
  );
}

function loadReadout(model: Model, parameters: Record<string, Tensor>, g: Float32Array, scale: number): Promise<void> {
  const rows = new Float32Array(2 * g.length);
  rows.set(
    g.map((value) => value * scale),
    g.length,
  );
  return model.loadStateDict({ ...parameters, '3.weight': { shape: [2, g.length], data: rows } });
}
