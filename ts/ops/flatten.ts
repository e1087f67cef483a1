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
  denseInput,
  denseValue,
  entriesOf,
  featureSize,
  identityStep,
  layer,
  type Op,
  type OpRule,
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
    choice: undefined,
    tangent(inputs) {
      const dx = denseInput(inputs);
      const dy = denseValue(context, output.features);
      return {
        output: dy,
        uses: [dx.data, dy.data],
        run: (n) => exports.nhwc_to_nchw(n, c, h, w, dx.data.pointer, dy.data.pointer),
      };
    },
  };
}

function compressedStep(input: CompressedValue, context: BuildContext): Step {
  const { exports } = context.kernels;
  const output = compressedValue(context, { c: featureSize(input.features), h: 1, w: 1 }, input.capacity);
  const flattened = (from: CompressedValue, to: CompressedValue) => ({
    output: to,
    uses: [...buffersOf(from), ...buffersOf(to)],
    run(n: number) {
      const { start, channel, value } = to;
      exports.sparse_flatten(
        ...compressedArguments(n, from),
        from.value.pointer,
        start.pointer,
        channel.pointer,
        value.pointer,
      );
    },
  });
  return {
    ...flattened(input, output),
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
    choice: undefined,
    tangent([dx]) {
      if (dx.kind !== 'compressed') throw new TypeError('a compressed value has a compressed derivative');
      return flattened(dx, entriesOf(context, output));
    },
  };
}

export const flattenRule: OpRule<FlattenSpec> = {
  shape: (_spec, [input]) => ({ c: featureSize(input), h: 1, w: 1 }),
  parameters: () => [],
};

export const flatten: Op<FlattenSpec> = {
  build(_spec, [input], context) {
    if (input.features.h === 1 && input.features.w === 1) {
      return identityStep(input);
    }
    return input.kind === 'dense' ? denseStep(input, context) : compressedStep(input, context);
  },
};
