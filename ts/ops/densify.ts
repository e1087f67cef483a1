/** Expands a compressed value for a layer that takes only dense ones; put in by the plan, not by users. */
import type { Output } from '../base/schema.js';
import {
  buffersOf,
  compressedArguments,
  denseGradient,
  denseValue,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
  type Value,
} from './op.js';

export type DensifySpec = Output<typeof densifyDescriptor.schema>;

export const densifyDescriptor = opDescriptor(layer('densify', {}), {
  takesCompressed: true,
  outputIsFree: false,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

export const densifyRule: OpRule<DensifySpec> = {
  shape: (_spec, [input]) => input,
  parameters: () => [],
};

export const densify: Op<DensifySpec> = {
  build(_spec, [input], context) {
    if (input.kind === 'dense') throw new TypeError('densify: expected a compressed value');
    const { exports } = context.kernels;
    const expanded = (from: Value) => {
      if (from.kind === 'dense') throw new TypeError('densify: expected a compressed value');
      const output = denseValue(context, from.features);
      const run = (n: number) =>
        exports.sparse_densify(...compressedArguments(n, from), from.value.pointer, output.data.pointer);
      return { output, uses: [...buffersOf(from), output.data], run };
    };
    return {
      ...expanded(input),
      backward(gradient) {
        const dy = denseGradient(context, gradient, input.features);
        const values = context.buffer(context.batch * input.capacity);
        return {
          inputs: [{ kind: 'compressed', at: input, values }],
          uses: [...dy.uses, input.start, input.channel, values],
          run(n) {
            dy.prepare(n);
            exports.sparse_gather(...compressedArguments(n, input), dy.data.pointer, values.pointer);
          },
        };
      },
      choice: undefined,
      tangent: ([dx]) => expanded(dx),
    };
  },
};
