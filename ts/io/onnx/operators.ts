/** What operators of ONNX are among the layers here, with their weights; what has no counterpart says why. */
import { shapeText, type Tensor, transposed } from '../../base/tensor.js';
import type { LayerSpec } from '../../ops/index.js';
import type { OnnxGraph, OnnxNode } from './graph.js';

/** A layer of a node, without its name. */
export interface Translated {
  layer: LayerSpec | 'add' | 'concat';
  /** Those of its inputs that are no constants. */
  inputs: string[];
  /** By their names in the layer. */
  parameters?: Record<string, Tensor>;
  /** The constant whose name tells the layer's. */
  named?: string;
  /** A part of it that comes next in the graph: its output is the layer's. */
  through?: OnnxNode;
}

/** Why a node is not read. */
export class Unsupported extends Error {}

type Translate = (node: OnnxNode, graph: OnnxGraph) => Translated | undefined;

/** The layer of a node. @throws {Unsupported} */
export function translate(node: OnnxNode, graph: OnnxGraph): Translated | undefined {
  const own = node.domain === '' || node.domain === 'ai.onnx';
  if (!own || !Object.hasOwn(translators, node.opType)) throw new Unsupported('there is no such layer');
  return translators[node.opType](node, graph);
}

function simple(layer: (node: OnnxNode, graph: OnnxGraph) => LayerSpec): Translate {
  return (node, graph) => ({ layer: layer(node, graph), inputs: [node.input[0]] });
}

/** @throws {Unsupported} unless it is a constant. */
function constant(graph: OnnxGraph, name: string | undefined, what: string): Tensor {
  const found = graph.constant(name);
  if (found === undefined) throw new Unsupported(`expected ${what} to be constant`);
  return found;
}

function check(holds: boolean, text: string): void {
  if (!holds) throw new Unsupported(`expected ${text}`);
}

/** Steps and zeros around, the same everywhere. */
function window({ values }: OnnxNode, kernel: readonly number[]): { stride: number; padding: number } {
  const [stride, ...strides] = values.ints('strides') ?? [1, 1];
  check(
    strides.every((other) => other === stride),
    'the same stride in both directions',
  );
  check(
    (values.ints('dilations') ?? [1]).every((each) => each === 1),
    'no dilation',
  );
  check(values.int('ceil_mode', 0) === 0, 'ceil_mode 0');
  check(kernel.length === 2, 'two dimensions');
  const auto = values.text('auto_pad', 'NOTSET');
  if (auto === 'VALID') return { stride, padding: 0 };
  const same = auto.startsWith('SAME') && stride === 1 && kernel.every((each) => each % 2 === 1);
  check(auto === 'NOTSET' || same, 'pads as numbers');
  const [padding, ...pads] = same
    ? kernel.flatMap((each) => [(each - 1) / 2, (each - 1) / 2])
    : (values.ints('pads') ?? [0]);
  check(
    padding >= 0 && pads.every((other) => other === padding),
    `the same padding on all sides, got ${shapeText([padding, ...pads])}`,
  );
  return { stride, padding };
}

function pool(node: OnnxNode): { kernel: number; stride: number; padding: number } {
  const [kernel, ...others] = node.values.ints('kernel_shape') ?? [];
  check(kernel !== undefined && others.every((other) => other === kernel), 'a square window');
  check(node.output.filter((name) => name !== '').length === 1, 'one output');
  return { kernel, ...window(node, [kernel, ...others]) };
}

function bias(graph: OnnxGraph, name: string | undefined): { bias?: Tensor } {
  return name === undefined || name === '' ? {} : { bias: constant(graph, name, 'the bias') };
}

const convolution: Translate = (node, graph) => {
  const [input, weights, own] = node.input;
  const weight = constant(graph, weights, 'the weights');
  check(node.values.int('group', 1) === 1, 'one group');
  const [out, , ...kernel] = weight.shape;
  const parameters = { weight, ...bias(graph, own) };
  const [rows, columns] = kernel;
  return {
    layer: {
      type: 'conv2d',
      out,
      kernel: rows === columns ? rows : [rows, columns],
      ...window(node, kernel),
      bias: parameters.bias !== undefined,
    },
    inputs: [input],
    parameters,
    named: weights,
  };
};

const gemm: Translate = (node, graph) => {
  const { values } = node;
  const [input, weights, own] = node.input;
  check(values.int('transA', 0) === 0, 'transA 0');
  const given = constant(graph, weights, 'the weights');
  const weight = values.int('transB', 0) === 1 ? given : turned(given);
  const [out] = weight.shape;
  const { bias: added } = bias(graph, own);
  const parameters = {
    weight: scaled(weight, values.float('alpha', 1)),
    ...(added && { bias: scaled(forEach(added, out), values.float('beta', 1)) }),
  };
  return { layer: { type: 'linear', out, bias: added !== undefined }, inputs: [input], parameters, named: weights };
};

function scaled({ shape, data }: Tensor, factor: number): Tensor {
  return { shape, data: factor === 1 ? data : data.map((value) => value * factor) };
}

/** A value for each of so many outputs, where it may be one for all. */
function forEach({ data }: Tensor, out: number): Tensor {
  check(data.length === out || data.length === 1, 'a bias for each output');
  return { shape: [out], data: data.length === out ? data : new Float32Array(out).fill(data[0]) };
}

const product: Translate = (node, graph) => {
  const [input, weights] = node.input;
  const given = constant(graph, weights, 'the weights');
  check(given.shape.length === 2, 'a matrix');
  const weight = turned(given);
  const sum = graph.only(node.output[0], 'Add');
  const added = sum?.input.find((name) => graph.constant(name)?.shape.join() === String(weight.shape[0]));
  const own = bias(graph, added);
  const layer = { type: 'linear', out: weight.shape[0], bias: added !== undefined } as const;
  return { layer, inputs: [input], parameters: { weight, ...own }, named: weights, ...(added && { through: sum }) };
};

function turned({ shape: [rows, columns], data }: Tensor): Tensor {
  return { shape: [columns, rows], data: transposed(data, rows) };
}

/** A normalisation's own constants. */
function normalization(layer: (node: OnnxNode) => LayerSpec, names: readonly string[]): Translate {
  return (node, graph) => {
    const [input, ...own] = node.input;
    const parameters = names.map((name, i) => [name, constant(graph, own[i], name)] as const);
    return { layer: layer(node), inputs: [input], parameters: Object.fromEntries(parameters), named: own[0] };
  };
}

/** `x - mean` and, where it comes next, division by a deviation; either of them alone. */
const shifted: Translate = (node, graph) => {
  const [input, other] = node.input;
  const own = byChannel(graph, other);
  const isSub = node.opType === 'Sub';
  const next = isSub ? graph.only(node.output[0], 'Div') : undefined;
  const std = next && byChannel(graph, next.input[1]);
  const layer: LayerSpec = {
    type: 'normalize',
    mean: isSub ? own : own.map(() => 0),
    std: isSub ? (std ?? own.map(() => 1)) : own,
  };
  return { layer, inputs: [input], ...(next && { through: next }) };
};

function byChannel(graph: OnnxGraph, name: string): number[] {
  const { shape, data } = constant(graph, name, 'what is taken from a value');
  const [c] = shape.slice(-3);
  check(shape.length >= 3 && shape.slice(-2).join() === '1,1' && c === data.length, 'a value for each channel');
  return Array.from(data);
}

/** The sum of two values; that with a constant is a shift. */
const sum: Translate = (node, graph) => {
  const fixed = node.input.find((name) => graph.constant(name) !== undefined);
  if (fixed === undefined) return { layer: 'add', inputs: node.input };
  const mean = byChannel(graph, fixed).map((value) => -value);
  const inputs = node.input.filter((name) => name !== fixed);
  return { layer: { type: 'normalize', mean, std: mean.map(() => 1) }, inputs };
};

/** `x * sigmoid(x)`, or a factor for each channel. */
const times: Translate = (node, graph) => {
  const [a, b] = node.input;
  for (const [input, other] of [
    [a, b],
    [b, a],
  ]) {
    const maker = graph.maker(other);
    if (maker?.opType === 'Sigmoid' && maker.input[0] === input) return { layer: { type: 'silu' }, inputs: [input] };
    if (graph.constant(other) === undefined) continue;
    const std = byChannel(graph, other).map((value) => 1 / value);
    check(
      std.every((value) => value > 0 && Number.isFinite(value)),
      'factors above zero',
    );
    return { layer: { type: 'normalize', mean: std.map(() => 0), std }, inputs: [input] };
  }
  throw new Unsupported('expected a product with its own sigmoid, or with a factor for each channel');
};

/** What a Mul makes of it is seen there. */
const sigmoid: Translate = (node, graph) => {
  const next = graph.only(node.output[0], 'Mul');
  check(next?.input.includes(node.input[0]) === true, 'a product with its input behind it');
  return undefined;
};

const mean: Translate = ({ input, values }, graph) => {
  const axes = values.ints('axes') ?? Array.from(constant(graph, input[1], 'axes').data);
  check([...axes].sort((a, b) => a - b).join() === (axes[0] < 0 ? '-2,-1' : '2,3'), 'the mean over all pixels');
  return { layer: { type: 'globalAvgPool2d' }, inputs: [input[0]] };
};

const reshape: Translate = ({ input }, graph) => {
  const { data } = constant(graph, input[1], 'the shape');
  check(data.length === 2, 'a shape [N, F]');
  return { layer: { type: 'flatten' }, inputs: [input[0]] };
};

/** The decimal that a 32-bit float was written as. */
function decimal(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

const translators: Record<string, Translate> = {
  Add: sum,
  AveragePool: simple((node) => {
    const own = pool(node);
    check(own.padding === 0 || node.values.int('count_include_pad', 0) === 1, 'count_include_pad 1');
    return { type: 'avgPool2d', ...own };
  }),
  BatchNormalization: normalization(
    ({ values }) => {
      check(values.int('training_mode', 0) === 0 && values.int('spatial', 1) === 1, 'training_mode 0');
      const momentum = decimal(1 - values.float('momentum', 0.9));
      return {
        type: 'batchNorm2d',
        eps: decimal(values.float('epsilon', Math.fround(1e-5))),
        momentum: rounded(momentum),
      };
    },
    ['weight', 'bias', 'running_mean', 'running_var'],
  ),
  Concat: (node) => {
    check([1, -3].includes(node.values.int('axis', 0)), 'axis 1');
    return { layer: 'concat', inputs: node.input };
  },
  Conv: convolution,
  Div: shifted,
  Dropout: simple(({ input, values }, graph) => {
    check((graph.constant(input[2])?.data[0] ?? 0) === 0, 'training_mode false');
    return { type: 'dropout', p: decimal(graph.constant(input[1])?.data[0] ?? values.float('ratio', 0.5)) };
  }),
  Elu: simple(({ values }) => ({ type: 'elu', alpha: decimal(values.float('alpha', 1)) })),
  Flatten: simple(({ values }) => {
    check([1, -3].includes(values.int('axis', 1)), 'axis 1');
    return { type: 'flatten' };
  }),
  Gelu: simple(({ values }) => {
    check(values.text('approximate', 'none') === 'none', 'no approximation');
    return { type: 'gelu' };
  }),
  Gemm: gemm,
  GlobalAveragePool: simple(() => ({ type: 'globalAvgPool2d' })),
  GroupNormalization: normalization(
    ({ values }) => ({
      type: 'groupNorm',
      groups: values.int('num_groups', 1),
      eps: decimal(values.float('epsilon', Math.fround(1e-5))),
    }),
    ['weight', 'bias'],
  ),
  LayerNormalization: normalization(
    ({ values }) => {
      // The weights' shape says how many extents a negative one leaves; a model refuses others.
      check([1, -1, -3].includes(values.int('axis', -1)), 'axis 1');
      return { type: 'layerNorm', eps: decimal(values.float('epsilon', Math.fround(1e-5))) };
    },
    ['weight', 'bias'],
  ),
  LeakyRelu: simple(({ values }) => ({ type: 'leakyRelu', slope: decimal(values.float('alpha', Math.fround(0.01))) })),
  MatMul: product,
  MaxPool: simple((node) => {
    check(node.values.int('storage_order', 0) === 0, 'storage_order 0');
    return { type: 'maxPool2d', ...pool(node) };
  }),
  Mul: times,
  ReduceMean: mean,
  Relu: simple(() => ({ type: 'relu' })),
  Reshape: reshape,
  Sigmoid: sigmoid,
  Sub: shifted,
};

/** A share that is one less another, without what the subtraction left behind it. */
function rounded(value: number): number {
  return Number(value.toPrecision(6));
}
