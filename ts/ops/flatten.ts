/** `[C, H, W] -> [C*H*W, 1, 1]` in PyTorch's C, H, W order; a compressed input stays compressed. */
import type { Output } from '../base/schema.js';
import {
  type BuildContext,
  buffersOf,
  type CompressedValue,
  compressedArguments,
  compressedValue,
  type DenseValue,
  denseGradient,
  denseValue,
  featureSize,
  layer,
  type Op,
  opDescriptor,
  type Step,
} from './op.js';

/** See `nn.flatten`. */
export type FlattenSpec = Output<typeof flattenDescriptor.schema>;

export const flattenDescriptor = opDescriptor(layer('flatten', {}), {
  takesCompressed: true,
  outputIsFree: false,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

function denseStep(input: DenseValue, context: BuildContext): Step {
  const { exports } = context.kernels;
  const { c, h, w } = input.features;
  const output = denseValue(context, { c: featureSize(input.features), h: 1, w: 1 });
  return {
    output,
    uses: [input.data, output.data],
    run: (n) => exports.nhwc_to_nchw(n, c, h, w, input.data.pointer, output.data.pointer),
    backward(gradient) {
      const dy = denseGradient(context, gradient, output.features);
      const dx = context.buffer(output.data.length);
      return {
        inputs: [{ kind: 'dense', data: dx }],
        uses: [dx, ...dy.uses],
        run(n) {
          dy.prepare(n);
          exports.nchw_to_nhwc(n, c, h, w, dy.data.pointer, dx.pointer);
        },
      };
    },
  };
}

function compressedStep(input: CompressedValue, context: BuildContext): Step {
  const { exports } = context.kernels;
  const output = compressedValue(context, { c: featureSize(input.features), h: 1, w: 1 }, input.capacity);
  return {
    output,
    uses: [...buffersOf(input), ...buffersOf(output)],
    run(n) {
      const { start, channel, value } = output;
      exports.sparse_flatten(
        ...compressedArguments(n, input),
        input.value.pointer,
        start.pointer,
        channel.pointer,
        value.pointer,
      );
    },
    backward(gradient) {
      if (gradient.kind !== 'compressed') throw new TypeError('a compressed value has a compressed gradient');
      const values = context.buffer(context.batch * input.capacity);
      return {
        inputs: [{ kind: 'compressed', at: input, values }],
        uses: [gradient.values, input.start, input.channel, values],
        run: (n) =>
          exports.sparse_unflatten_gradient(...compressedArguments(n, input), gradient.values.pointer, values.pointer),
      };
    },
  };
}

export const flatten: Op<FlattenSpec> = {
  shape: (_spec, [input]) => ({ c: featureSize(input), h: 1, w: 1 }),
  parameters: () => [],
  build(_spec, [input], context) {
    if (input.features.h === 1 && input.features.w === 1) {
      return { output: input, uses: [], run: () => {}, backward: (dy) => ({ inputs: [dy], uses: [], run: () => {} }) };
    }
    return input.kind === 'dense' ? denseStep(input, context) : compressedStep(input, context);
  },
};
