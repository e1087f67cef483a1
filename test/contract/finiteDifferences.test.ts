/**
 * Vector-Jacobian products of every operation against central differences. Inputs of operations with a kink
 * (relu, max pooling, k-WTA, top-k) are spaced wider than the steps taken, so no winner changes.
 */
import { type Runtime, type Tensor, tensor } from 'kwta';
import { expect, it } from 'vitest';
import { describeVariants, expectValues, noise, noiseTensor, shuffled } from './support.js';

type Arguments = Record<string, Tensor | number | string | boolean | number[]>;
type Functional = Runtime['functional'];
type Operation = Exclude<keyof Functional, 'vjp'>;

/** Half the distance of the two points of a difference quotient. */
const step = 1e-2;
/** Rounding of float32 outputs over the step, and the third derivative of the curved operations. */
const tolerance = 2e-3;

/** Distinct values 0.1 apart, none nearer to zero than 0.05. */
function spaced(seed: number, ...shape: number[]): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return tensor(
    shuffled(seed, n).map((rank) => (rank - Math.floor(n / 2)) / 10 + 0.05),
    shape,
  );
}

const pooled = { kernel: 3, stride: 2, padding: 1 };
const labels = [2, 0, 3];

/** Every operation has its cases; one that is added without them is a type error. */
const cases: Record<Operation, Arguments[]> = {
  kwta: [
    { x: spaced(1, 2, 3, 3, 2), gamma: 0.3 },
    { x: spaced(2, 1, 20), k: 4, ties: 'keep' },
  ],
  conv2d: [
    { x: noiseTensor(3, 2, 2, 5, 4), weight: noiseTensor(4, 3, 2, 3, 3), bias: noiseTensor(5, 3), padding: 1 },
    { x: noiseTensor(6, 1, 3, 5, 6), weight: noiseTensor(7, 2, 3, 2, 3), stride: 2 },
    { x: noiseTensor(8, 1, 2, 4, 4), weight: noiseTensor(9, 4, 2, 1, 1), bias: noiseTensor(10, 4) },
  ],
  linear: [{ x: noiseTensor(11, 3, 5), weight: noiseTensor(12, 4, 5), bias: noiseTensor(13, 4) }],
  matmul: [{ a: noiseTensor(14, 4, 5), b: noiseTensor(15, 5, 3) }],
  batchNorm: [true, false].map((training) => ({
    x: noiseTensor(16, 3, 2, 2, 3),
    weight: noiseTensor(17, 2),
    bias: noiseTensor(18, 2),
    runningMean: noiseTensor(19, 2),
    runningVar: tensor([0.5, 2], [2]),
    training,
  })),
  maxPool2d: [{ x: spaced(20, 1, 2, 5, 6), ...pooled }],
  avgPool2d: [{ x: noiseTensor(21, 1, 2, 5, 6), ...pooled }],
  globalAvgPool2d: [{ x: noiseTensor(22, 2, 3, 4, 3) }],
  relu: [{ x: spaced(23, 2, 2, 3, 2) }],
  leakyRelu: [{ x: spaced(28, 2, 2, 3, 2), slope: 0.2 }],
  elu: [{ x: spaced(29, 2, 2, 3, 2), alpha: 1.5 }],
  gelu: [{ x: noiseTensor(30, 2, 2, 3, 2) }],
  silu: [{ x: noiseTensor(31, 2, 2, 3, 2) }],
  groupNorm: [
    { x: noiseTensor(32, 2, 4, 2, 3), weight: noiseTensor(33, 4), bias: noiseTensor(34, 4), groups: 2 },
    { x: noiseTensor(35, 3, 12), groups: 2 },
  ],
  layerNorm: [
    { x: noiseTensor(36, 2, 4, 2, 3), weight: noiseTensor(37, 4, 2, 3), bias: noiseTensor(38, 4, 2, 3) },
    { x: noiseTensor(39, 3, 9) },
  ],
  softmax: [{ x: noiseTensor(24, 3, 5) }],
  logSoftmax: [{ x: noiseTensor(25, 3, 5) }],
  crossEntropy: ['mean', 'sum', 'none'].map((reduction) => ({ x: noiseTensor(26, 3, 5), labels, reduction })),
  topk: [{ x: spaced(27, 2, 9), k: 3 }],
};

async function outputOf(runtime: Runtime, name: Operation, args: Arguments): Promise<Tensor> {
  const { functional } = runtime;
  if (name === 'matmul') return functional.matmul(args.a as Tensor, args.b as Tensor);
  const { x, ...options } = args as Arguments & { x: Tensor };
  if (name === 'topk') return (await functional.topk(x, options as { k: number })).values;
  return (functional[name] as (x: Tensor, options: object) => Promise<Tensor>)(x, options);
}

/** Derivative of `sum(output * outputGradient)` by every value of one argument. */
async function differences(
  runtime: Runtime,
  name: Operation,
  args: Arguments,
  argument: string,
  outputGradient: Float32Array,
): Promise<Float64Array> {
  const { shape, data } = args[argument] as Tensor;
  const moved = async (i: number, by: number): Promise<{ at: number; sum: number }> => {
    const values = data.slice();
    values[i] += by;
    const output = await outputOf(runtime, name, { ...args, [argument]: { shape, data: values } });
    return { at: values[i], sum: output.data.reduce((sum, value, j) => sum + value * outputGradient[j], 0) };
  };
  const result = new Float64Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const [above, below] = await Promise.all([moved(i, step), moved(i, -step)]);
    result[i] = (above.sum - below.sum) / (above.at - below.at);
  }
  return result;
}

describeVariants('gradients by central differences', (runtime) => {
  const all = Object.entries(cases).flatMap(([name, list]) =>
    list.map((args, i) => [`${name} ${i + 1}`, name as Operation, args] as const),
  );
  it.each(all)('%s', async (_, name, args) => {
    const { shape, data } = await outputOf(runtime(), name, args);
    const outputGradient = { shape, data: noise(99, data.length) };
    const vjp = runtime().functional.vjp as (name: string, args: object, g: Tensor) => Promise<Record<string, Tensor>>;
    const gradients = await vjp(name, args, outputGradient);
    const byArgument = Object.keys(args).filter((key) => typeof args[key] === 'object' && 'data' in args[key]);
    // Running statistics are state, not arguments of the function.
    const wanted = byArgument.filter((key) => !key.startsWith('running'));
    expect(Object.keys(gradients)).toEqual(expect.arrayContaining(wanted));
    for (const argument of wanted) {
      const expected = await differences(runtime(), name, args, argument, outputGradient.data);
      expectValues(gradients[argument].data, expected, tolerance, argument);
    }
  });
});
