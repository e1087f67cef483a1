/**
 * Batch normalisation per channel, `[C, H, W] -> [C, H, W]`. Before k-WTA its incoming gradient is
 * compressed; in eval mode it is affine, so the gradient stays compressed behind it.
 */

import { boolean, number, type Output, object, optional } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import type { Buffer } from './buffer.js';
import { functional, maybe, tensorArgument } from './functional.js';
import {
  type BackwardStep,
  type BuildContext,
  checkBatch,
  compressedArguments,
  type DenseValue,
  denseGradient,
  denseInput,
  denseValue,
  featureSize,
  type Gradient,
  gradientBuffers,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
  type ParameterSpec,
  type TangentStep,
  type Wanted,
} from './op.js';

const fields = {
  eps: optional(number({ above: 0 }), 1e-5),
  momentum: optional(number({ min: 0, max: 1 }), 0.1),
};

/** See `nn.batchNorm2d`. */
export type BatchNorm2dSpec = Output<typeof batchNorm2dDescriptor.schema>;

export const batchNorm2dDescriptor = opDescriptor(layer('batchNorm2d', fields), {
  takesCompressed: false,
  outputIsFree: true,
  selects: false,
  batchStatistics: true,
  repeatable: false,
});

/** `functional.batchNorm(x, { ... })`; `training` uses the batch's statistics. */
export const batchNormFunctional = functional(
  {
    x: tensorArgument(),
    weight: maybe(tensorArgument()),
    bias: maybe(tensorArgument()),
    runningMean: maybe(tensorArgument()),
    runningVar: maybe(tensorArgument()),
  },
  object({ ...fields, training: optional(boolean(), false) }),
  ({ x, weight, bias, runningMean, runningVar }, { training, ...options }) => {
    const channels = x.shape[1];
    const constant = (value: number): Tensor => ({ shape: [channels], data: new Float32Array(channels).fill(value) });
    return {
      mode: training ? 'train' : 'eval',
      spec: { type: 'batchNorm2d', ...options },
      parameters: {
        weight: weight ?? constant(1),
        bias: bias ?? constant(0),
        running_mean: runningMean ?? constant(0),
        running_var: runningVar ?? constant(1),
      },
    };
  },
);

interface Statistics {
  mean: Buffer;
  variance: Buffer;
}

function trainBackward(
  spec: BatchNorm2dSpec,
  input: DenseValue,
  { mean, variance }: Statistics,
  context: BuildContext,
  dy: Gradient,
): BackwardStep {
  const { exports } = context.kernels;
  const { weight, bias } = context.parameters;
  const { c, h, w } = input.features;
  const dx = context.buffer(context.batch * featureSize(input.features));
  return {
    inputs: [{ kind: 'dense', data: dx }],
    uses: [input.data, mean, variance, dx, ...gradientBuffers(dy)],
    run(n) {
      const tail = [mean.pointer, variance.pointer, weight.data.pointer, spec.eps, dx.pointer] as const;
      const gradients = [weight.gradient.pointer, bias.gradient.pointer] as const;
      if (dy.kind === 'dense') {
        exports.batch_norm_train_backward(n * h * w, c, input.data.pointer, dy.data.pointer, ...tail, ...gradients);
      } else {
        exports.batch_norm_train_backward_sparse(
          ...compressedArguments(n, dy.at),
          input.data.pointer,
          dy.values.pointer,
          ...tail,
          ...gradients,
        );
      }
    },
  };
}

function evalBackward(
  spec: BatchNorm2dSpec,
  input: DenseValue,
  context: BuildContext,
  dy: Gradient,
  wanted: Wanted,
): BackwardStep {
  const { exports } = context.kernels;
  const { weight, bias, running_mean, running_var } = context.parameters;
  const { c, h, w } = input.features;
  // Outside training mode only `functional.vjp` asks for these.
  const whole = wanted.parameters ? denseGradient(context, dy, input.features) : undefined;
  const scale = [weight.data.pointer, running_var.data.pointer, spec.eps] as const;
  const target = context.buffer(dy.kind === 'dense' ? dy.data.length : dy.values.length);
  return {
    inputs: [dy.kind === 'dense' ? { kind: 'dense', data: target } : { kind: 'compressed', at: dy.at, values: target }],
    uses: [...gradientBuffers(dy), target, ...(whole ? [input.data, ...whole.uses] : [])],
    run(n) {
      if (whole) {
        whole.prepare(n);
        exports.batch_norm_eval_parameter_gradients(
          n * h * w,
          c,
          input.data.pointer,
          whole.data.pointer,
          running_mean.data.pointer,
          running_var.data.pointer,
          spec.eps,
          weight.gradient.pointer,
          bias.gradient.pointer,
        );
      }
      if (dy.kind === 'dense') {
        exports.batch_norm_eval_backward(n * h * w, c, dy.data.pointer, ...scale, target.pointer);
      } else {
        exports.batch_norm_eval_backward_sparse(
          ...compressedArguments(n, dy.at),
          dy.values.pointer,
          ...scale,
          target.pointer,
        );
      }
    },
  };
}

/** In eval mode the same factor stands before a value, whichever way it is gone. */
function evalTangent(spec: BatchNorm2dSpec, context: BuildContext, dx: DenseValue): TangentStep {
  const { weight, running_var } = context.parameters;
  const { c, h, w } = dx.features;
  const output = denseValue(context, dx.features);
  return {
    output,
    uses: [dx.data, output.data],
    run(n) {
      const scale = [weight.data.pointer, running_var.data.pointer, spec.eps] as const;
      context.kernels.exports.batch_norm_eval_backward(n * h * w, c, dx.data.pointer, ...scale, output.data.pointer);
    },
  };
}

/** PyTorch's BatchNorm2d: biased variance to normalise, unbiased in the running estimate. */
export const batchNorm2dRule: OpRule<BatchNorm2dSpec> = {
  shape: (_spec, [input]) => input,
  parameters(_spec, { c }) {
    const parameter = (name: string, constant: number, trainable: boolean): ParameterSpec => ({
      name,
      shape: [c],
      layout: 'plain',
      trainable,
      initial: { constant },
    });
    return [
      parameter('weight', 1, true),
      parameter('bias', 0, true),
      parameter('running_mean', 0, false),
      parameter('running_var', 1, false),
    ];
  },
};

export const batchNorm2d: Op<BatchNorm2dSpec> = {
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const { weight, bias, running_mean, running_var } = context.parameters;
    const { c, h, w } = input.features;
    const output = denseValue(context, input.features);
    const affine = () => [weight.data.pointer, bias.data.pointer, spec.eps] as const;
    if (context.mode === 'eval') {
      return {
        output,
        uses: [input.data, output.data],
        run(n) {
          exports.batch_norm_eval_forward(
            n * h * w,
            c,
            input.data.pointer,
            ...affine(),
            running_mean.data.pointer,
            running_var.data.pointer,
            output.data.pointer,
          );
        },
        backward: (dy, wanted) => evalBackward(spec, input, context, dy, wanted),
        choice: undefined,
        tangent: (inputs) => evalTangent(spec, context, denseInput(inputs)),
      };
    }
    const statistics: Statistics = { mean: context.buffer(c), variance: context.buffer(c) };
    const { mean, variance } = statistics;
    return {
      output,
      uses: [input.data, output.data, mean, variance],
      run(n) {
        checkBatch(context.layer, spec.type, input.features, n);
        exports.batch_norm_train_forward(
          n * h * w,
          c,
          input.data.pointer,
          ...affine(),
          mean.pointer,
          variance.pointer,
          output.data.pointer,
        );
        if (!context.state.updateRunning) return;
        const running = [running_mean.data.pointer, running_var.data.pointer] as const;
        exports.batch_norm_update_running(n * h * w, c, mean.pointer, variance.pointer, spec.momentum, ...running);
      },
      backward: (dy) => trainBackward(spec, input, statistics, context, dy),
      choice: undefined,
      tangent: 'curved',
    };
  },
};
