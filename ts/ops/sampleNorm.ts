/** What group and layer normalisation have in common: each sample is normalised by statistics of its own, in any mode. */
import {
  type BuildContext,
  denseGradient,
  denseInput,
  denseValue,
  featureSize,
  type OpTraits,
  type ParameterSpec,
  type Step,
  type Value,
} from './op.js';

/** Traits of such a normalisation. */
export const sampleNormTraits: OpTraits = {
  takesCompressed: false,
  outputIsFree: true,
  selects: false,
  batchStatistics: false,
  repeatable: false,
};

/** Weight and bias of this shape. */
export function sampleNormParameters(shape: number[], layout: ParameterSpec['layout']): ParameterSpec[] {
  const parameter = (name: string, constant: number): ParameterSpec => ({
    name,
    shape,
    layout,
    trainable: true,
    initial: { constant },
  });
  return [parameter('weight', 1), parameter('bias', 0)];
}

/** @param by whether weight and bias stand for each channel or for each value. */
export function sampleNormStep(
  { groups, eps, by }: { groups: number; eps: number; by: 'channel' | 'value' },
  inputs: Value[],
  context: BuildContext,
): Step {
  const input = denseInput(inputs);
  const { exports } = context.kernels;
  const { weight, bias } = context.parameters;
  const { c, h, w } = input.features;
  const output = denseValue(context, input.features);
  const statistics = context.buffer(context.batch * 2 * groups);
  const sizes = (n: number) => [n, h * w, c, groups, by === 'value'] as const;
  return {
    output,
    uses: [input.data, output.data, statistics],
    run(n) {
      exports.group_norm_forward(
        ...sizes(n),
        input.data.pointer,
        weight.data.pointer,
        bias.data.pointer,
        eps,
        statistics.pointer,
        output.data.pointer,
      );
    },
    backward(gradient, wanted) {
      const dy = denseGradient(context, gradient, input.features);
      const dx = wanted.inputs[0] ? context.buffer(context.batch * featureSize(input.features)) : undefined;
      return {
        inputs: [dx && { kind: 'dense', data: dx }],
        uses: [input.data, statistics, ...dy.uses, ...(dx ? [dx] : [])],
        run(n) {
          dy.prepare(n);
          const [x, given] = [input.data.pointer, dy.data.pointer];
          if (dx) {
            exports.group_norm_backward(...sizes(n), x, given, weight.data.pointer, statistics.pointer, dx.pointer);
          }
          if (!wanted.parameters) return;
          const gradients = [weight.gradient.pointer, bias.gradient.pointer] as const;
          exports.group_norm_parameter_gradients(...sizes(n), x, given, statistics.pointer, ...gradients);
        },
      };
    },
    choice: undefined,
    tangent: 'curved',
  };
}
