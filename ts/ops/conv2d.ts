/**
 * 2-D convolution `[C, H, W] -> [O, oH, oW]`, dense or compressed input; `linear` is the same on one pixel.
 * After k-WTA the forward pass, the weight gradient and the input gradient cost gamma times the dense
 * FLOPs: the input gradient is computed at the winners only.
 */

import { ConfigError, ShapeError } from '../base/errors.js';
import { boolean, integer, type Output, object, optional, tuple, union } from '../base/schema.js';
import { shapeText } from '../base/tensor.js';
import type { Buffer } from './buffer.js';
import { functional, maybe, tensorArgument } from './functional.js';
import {
  type BackwardStep,
  type BuildContext,
  buffersOf,
  type CompressedValue,
  compressedArguments,
  denseGradient,
  denseValue,
  density,
  type Features,
  featureSize,
  featureText,
  type Gradient,
  gradientBuffers,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
  type ParameterSpec,
  type Step,
  type Value,
  type Wanted,
} from './op.js';
import { type Window, windowExtents } from './window.js';

/** Channels, rows, columns or steps. */
const size = integer({ min: 1 });

const step = optional(size, 1);
const zeros = optional(integer({ min: 0 }), 0);

/** See `nn.conv2d`. */
export type Conv2dSpec = Output<typeof conv2dDescriptor.schema>;

export const conv2dDescriptor = opDescriptor(
  layer('conv2d', {
    out: size,
    kernel: union([size, tuple([size, size])], 'a whole number >= 1 or [rows, columns]'),
    stride: step,
    padding: zeros,
    bias: optional(boolean(), true),
  }),
  { takesCompressed: true, outputIsFree: true, selects: false, batchStatistics: false, repeatable: true },
);

/** See `nn.linear`. */
export type LinearSpec = Output<typeof linearDescriptor.schema>;

export const linearDescriptor = opDescriptor(layer('linear', { out: size, bias: optional(boolean(), true) }), {
  takesCompressed: true,
  outputIsFree: true,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

/** `functional.conv2d(x, { weight, bias, stride, padding })` */
export const conv2dFunctional = functional(
  { x: tensorArgument(4), weight: tensorArgument(4), bias: maybe(tensorArgument()) },
  object({ stride: step, padding: zeros }),
  ({ x, weight, bias }, options) => {
    const [out, inputs, kh, kw] = weight.shape;
    if (x.shape[1] !== inputs) {
      throw new ShapeError(
        `conv2d: expected x with ${inputs} channels for weight ${shapeText(weight.shape)}, got ${shapeText(x.shape)}`,
      );
    }
    const kernel: [number, number] = [kh, kw];
    return {
      spec: { type: 'conv2d', out, kernel, bias: bias !== undefined, ...options },
      parameters: { weight, bias },
    };
  },
);

/** `functional.linear(x, { weight, bias })` */
export const linearFunctional = functional(
  { x: tensorArgument(2), weight: tensorArgument(2), bias: maybe(tensorArgument()) },
  object({}),
  ({ weight, bias }) => ({
    spec: { type: 'linear', out: weight.shape[0], bias: bias !== undefined },
    parameters: { weight, bias },
  }),
);

interface Geometry extends Window {
  input: Features;
  output: Features;
}

type ShapeArguments = [
  n: number,
  h: number,
  w: number,
  cIn: number,
  cOut: number,
  kh: number,
  kw: number,
  stride: number,
  padding: number,
];

function weightSpecs(fanIn: number, out: number, shape: number[], bias: boolean): ParameterSpec[] {
  // PyTorch's default: kaiming uniform with a = sqrt(5), which is uniform in 1 / sqrt(fan in).
  const bound = 1 / Math.sqrt(fanIn);
  const weight: ParameterSpec = {
    name: 'weight',
    shape,
    layout: 'convolution',
    trainable: true,
    initial: { uniform: bound },
  };
  if (!bias) return [weight];
  return [weight, { name: 'bias', shape: [out], layout: 'plain', trainable: true, initial: { uniform: bound } }];
}

function build(geometry: Geometry, hasBias: boolean, input: Value, context: BuildContext): Step {
  const { exports } = context.kernels;
  const { weight, bias } = context.parameters;
  const { c, h, w } = geometry.input;
  const { kh, kw, stride, padding } = geometry;
  const shape = (n: number): ShapeArguments => [n, h, w, c, geometry.output.c, kh, kw, stride, padding];
  const bySample = isBySample(context);

  const convolved = (from: Value, biasPointer: () => number) => {
    const output = denseValue(context, geometry.output);
    const run = (n: number): void => {
      if (from.kind === 'dense') {
        const operands = [from.data.pointer, weight.data.pointer, biasPointer(), output.data.pointer] as const;
        if (from.rectified) exports.rectified_conv2d_forward(...shape(n), ...operands, bySample);
        else exports.conv2d_forward(...shape(n), ...operands);
      } else {
        exports.sparse_conv2d_forward(
          ...shape(n),
          from.capacity,
          from.start.pointer,
          from.channel.pointer,
          from.value.pointer,
          weight.data.pointer,
          biasPointer(),
          output.data.pointer,
        );
      }
    };
    return { output, uses: [...buffersOf(from), output.data], run };
  };
  return {
    ...convolved(input, () => (hasBias ? bias.data.pointer : 0)),
    backward: (outputGradient, wanted) =>
      backwardStep(context, geometry, shape, hasBias, input, outputGradient, wanted),
    choice: undefined,
    tangent: ([dx]) => convolved(dx, () => 0),
  };
}

/**
 * Whether each sample of a ReLU's output chooses its way by itself, so that its result is its own: in training the batch
 * is what counts, and the parameters' gradients are sums over it.
 */
function isBySample({ mode }: BuildContext): boolean {
  return mode === 'eval';
}

/** Fewest output channels between two k-WTA layers for which entries are joined: below, their runs are too short. */
const betweenChannels = 64;

/**
 * Whether joining the entries of both sides costs less than spreading those of `dy` over the input. For an entry of
 * `dy`, the first costs about `7 * density + 0.1` times as much as the second, which in turn costs for each weight,
 * once a batch, what 25 entries do: it turns the kernel round. (Measured for 64 to 512 channels, batches of 1 to 32
 * and densities from 0.1 to 0.3.) A batch of 8 is assumed, whatever it is: results must not depend on it.
 */
function joiningPays(input: CompressedValue, dy: CompressedValue): boolean {
  const { h, w } = dy.features;
  return 8 * h * w * density(dy) * (7 * density(input) - 0.9) <= 25;
}

/** Input gradient of an attack between two k-WTA layers: its cost is the product of both densities. */
function betweenStep(
  context: BuildContext,
  shape: (n: number) => ShapeArguments,
  input: CompressedValue,
  dy: Gradient & { kind: 'compressed' },
): BackwardStep {
  const { exports } = context.kernels;
  const { weight } = context.parameters;
  const values = context.buffer(context.batch * input.capacity);
  return {
    inputs: [{ kind: 'compressed', at: input, values }],
    uses: [input.start, input.channel, values, ...gradientBuffers(dy)],
    run(n) {
      exports.sparse_conv2d_input_gradient_between(
        ...shape(n),
        input.capacity,
        input.start.pointer,
        input.channel.pointer,
        dy.at.capacity,
        dy.at.start.pointer,
        dy.at.channel.pointer,
        dy.values.pointer,
        weight.data.pointer,
        values.pointer,
      );
    },
  };
}

/**
 * Input gradient of an attack before k-WTA: the entries alone spread over the input, and are gathered from there if it
 * is compressed.
 */
function entriesStep(
  context: BuildContext,
  shape: (n: number) => ShapeArguments,
  input: Value,
  dy: Gradient & { kind: 'compressed' },
): BackwardStep {
  const { exports } = context.kernels;
  const { weight } = context.parameters;
  const dx = context.buffer(context.batch * featureSize(input.features));
  const spread = (n: number): void => {
    const { capacity, start, channel } = dy.at;
    const entries = [capacity, start.pointer, channel.pointer, dy.values.pointer] as const;
    exports.conv2d_input_gradient_of_entries(...shape(n), ...entries, weight.data.pointer, dx.pointer);
  };
  const uses = [dx, ...gradientBuffers(dy)];
  if (input.kind === 'dense') return { inputs: [{ kind: 'dense', data: dx }], uses, run: spread };
  const values = context.buffer(context.batch * input.capacity);
  return {
    inputs: [{ kind: 'compressed', at: input, values }],
    uses: [...uses, input.start, input.channel, values],
    run(n) {
      spread(n);
      exports.sparse_gather(...compressedArguments(n, input), dx.pointer, values.pointer);
    },
  };
}

function backwardStep(
  context: BuildContext,
  geometry: Geometry,
  shape: (n: number) => ShapeArguments,
  hasBias: boolean,
  input: Value,
  outputGradient: Gradient,
  wanted: Wanted,
): BackwardStep {
  const { exports } = context.kernels;
  const { weight, bias } = context.parameters;
  const { c: channels, h, w } = geometry.output;
  const { kh, kw, stride, padding } = geometry;
  if (outputGradient.kind === 'compressed' && !wanted.parameters) {
    const { c } = geometry.input;
    const mayJoin = input.kind === 'compressed' && channels >= betweenChannels;
    const maySpread = exports.conv2d_takes_gradient_of_entries(c, kh, kw, stride, padding);
    if (mayJoin && (!maySpread || joiningPays(input, outputGradient.at))) {
      return betweenStep(context, shape, input, outputGradient);
    }
    if (maySpread) return entriesStep(context, shape, input, outputGradient);
  }
  const dy = denseGradient(context, outputGradient, geometry.output);
  const uses: Buffer[] = [...dy.uses];
  if (wanted.parameters || (input.kind === 'dense' && input.rectified)) uses.push(...buffersOf(input));
  let inputGradient: Gradient | undefined;
  if (wanted.inputs[0]) {
    inputGradient =
      input.kind === 'dense'
        ? { kind: 'dense', data: context.buffer(context.batch * featureSize(geometry.input)) }
        : { kind: 'compressed', at: input, values: context.buffer(context.batch * input.capacity) };
    uses.push(...gradientBuffers(inputGradient));
  }
  return {
    inputs: [inputGradient],
    uses,
    run(n) {
      dy.prepare(n);
      const dx = inputGradient && (inputGradient.kind === 'dense' ? inputGradient.data : inputGradient.values).pointer;
      const weights = wanted.parameters ? weight.gradient.pointer : undefined;
      gradients(context, shape(n), input, dy.data.pointer, weight.data.pointer, weights, dx);
      if (hasBias && wanted.parameters) {
        exports.conv2d_bias_gradient(n * h * w, channels, dy.data.pointer, bias.gradient.pointer);
      }
    },
  };
}

/** Those of the gradients `dw` and `dx` that have an address; both together are faster than one by one. */
function gradients(
  context: BuildContext,
  shape: ShapeArguments,
  input: Value,
  dy: number,
  weight: number,
  dw: number | undefined,
  dx: number | undefined,
): void {
  const { exports } = context.kernels;
  if (input.kind === 'compressed') {
    const pattern = [input.capacity, input.start.pointer, input.channel.pointer] as const;
    const value = input.value.pointer;
    if (dw === undefined) {
      if (dx !== undefined) exports.sparse_conv2d_input_gradient(...shape, ...pattern, dy, weight, dx);
    } else if (dx === undefined) exports.sparse_conv2d_weight_gradient(...shape, ...pattern, value, dy, dw);
    else exports.sparse_conv2d_gradients(...shape, ...pattern, value, dy, weight, dw, dx);
  } else if (input.rectified) {
    const x = input.data.pointer;
    const bySample = isBySample(context);
    if (dw !== undefined && dx !== undefined && !bySample) {
      exports.rectified_conv2d_gradients(...shape, x, dy, weight, dw, dx);
      return;
    }
    if (dw !== undefined) exports.rectified_conv2d_weight_gradient(...shape, x, dy, dw);
    if (dx !== undefined) exports.rectified_conv2d_input_gradient(...shape, x, dy, weight, dx, bySample);
  } else {
    if (dw !== undefined) exports.conv2d_weight_gradient(...shape, input.data.pointer, dy, dw);
    if (dx !== undefined) exports.conv2d_input_gradient(...shape, dy, weight, dx);
  }
}

function windowOf({ kernel, stride, padding }: Conv2dSpec): Window {
  const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
  return { kh, kw, stride, padding };
}

/** Convolution (cross-correlation, as in PyTorch). */
export const conv2dRule: OpRule<Conv2dSpec> = {
  shape(spec, [input], layer) {
    return { c: spec.out, ...windowExtents(windowOf(spec), input, `${layer} (conv2d)`) };
  },
  parameters(spec, input) {
    const { kh, kw } = windowOf(spec);
    return weightSpecs(input.c * kh * kw, spec.out, [spec.out, input.c, kh, kw], spec.bias);
  },
};

export const conv2d: Op<Conv2dSpec> = {
  build(spec, [input], context) {
    const output = conv2dRule.shape(spec, [input.features], context.layer);
    return build({ input: input.features, output, ...windowOf(spec) }, spec.bias, input, context);
  },
};

/** Fully connected layer on flattened features. */
export const linearRule: OpRule<LinearSpec> = {
  shape(spec, [input], layer) {
    if (input.h !== 1 || input.w !== 1) {
      throw new ConfigError(
        `${layer} (linear): expected flattened features, got ${featureText(input)}; put nn.flatten() before it`,
      );
    }
    return { c: spec.out, h: 1, w: 1 };
  },
  parameters(spec, input) {
    return weightSpecs(input.c, spec.out, [spec.out, input.c], spec.bias);
  },
};

export const linear: Op<LinearSpec> = {
  build(spec, [input], context) {
    const output = { c: spec.out, h: 1, w: 1 };
    return build({ input: input.features, output, kh: 1, kw: 1, stride: 1, padding: 0 }, spec.bias, input, context);
  },
};
