/** Expands a compressed value for a layer that takes only dense ones; put in by the plan, not by users. */
import { boolean, type Output } from '../base/schema.js';
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

/** `marked`: entries of zero become -0, so that a layer behind may skip what is +0. */
const densifySchema = layer('densify', { marked: boolean() });

export const densifyDescriptor = opDescriptor(densifySchema, {
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
  build({ marked }, [input], context) {
    if (input.kind === 'dense') throw new TypeError('densify: expected a compressed value');
    const { exports } = context.kernels;
    const expanded = (from: Value, expand: 'sparse_densify' | 'sparse_densify_winners') => {
      if (from.kind === 'dense') throw new TypeError('densify: expected a compressed value');
      const output = denseValue(context, from.features);
      const run = (n: number) =>
        exports[expand](...compressedArguments(n, from), from.value.pointer, output.data.pointer);
      return { output, uses: [...buffersOf(from), output.data], run };
    };
    const forward = expanded(input, marked ? 'sparse_densify_winners' : 'sparse_densify');
    return {
      ...forward,
      output: marked ? { ...forward.output, rectified: true } : forward.output,
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
      tangent: ([dx]) => expanded(dx, 'sparse_densify'),
    };
  },
};
