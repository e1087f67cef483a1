/** `(x - mean) / std` per channel, inside the model so that epsilon stays in pixel units. */

import { ShapeError } from '../base/errors.js';
import { array, number, type Output } from '../base/schema.js';
import {
  denseGradient,
  denseInput,
  denseValue,
  featureSize,
  featureText,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
} from './op.js';

/** See `nn.normalize`. */
export type NormalizeSpec = Output<typeof normalizeDescriptor.schema>;

export const normalizeDescriptor = opDescriptor(
  layer('normalize', { mean: array(number()), std: array(number({ above: 0 })) }),
  { takesCompressed: false, outputIsFree: false, selects: false, batchStatistics: false, repeatable: false },
);

export const normalizeRule: OpRule<NormalizeSpec> = {
  shape(spec, [input], layer) {
    for (const [name, values] of [
      ['mean', spec.mean],
      ['std', spec.std],
    ] as const) {
      if (values.length !== input.c) {
        throw new ShapeError(
          `${layer} (normalize): expected ${name} of ${input.c} values for ${featureText(input)}, got ${values.length}`,
        );
      }
    }
    return input;
  },
  parameters: () => [],
};

export const normalize: Op<NormalizeSpec> = {
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const { c, h, w } = input.features;
    const output = denseValue(context, input.features);
    const mean = context.constant(spec.mean);
    const std = context.constant(spec.std);
    return {
      output,
      uses: [input.data, output.data],
      run: (n) =>
        exports.normalize_forward(n * h * w, c, input.data.pointer, mean.pointer, std.pointer, output.data.pointer),
      backward(gradient) {
        const dy = denseGradient(context, gradient, input.features);
        const dx = context.buffer(context.batch * featureSize(input.features));
        return {
          inputs: [{ kind: 'dense', data: dx }],
          uses: [dx, ...dy.uses],
          run(n) {
            dy.prepare(n);
            exports.normalize_backward(n * h * w, c, dy.data.pointer, std.pointer, dx.pointer);
          },
        };
      },
      choice: undefined,
      tangent(inputs) {
        const dx = denseInput(inputs);
        const dy = denseValue(context, input.features);
        return {
          output: dy,
          uses: [dx.data, dy.data],
          run: (n) => exports.normalize_backward(n * h * w, c, dx.data.pointer, std.pointer, dy.data.pointer),
        };
      },
    };
  },
};
