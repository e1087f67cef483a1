/** ReLU, `[C, H, W] -> [C, H, W]`; the gradient is 0 at 0, as in PyTorch. */
import { type Output, object } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import { denseGradient, denseInput, denseValue, featureSize, layer, type Op, type OpRule, opDescriptor } from './op.js';

/** See `nn.relu`. */
export type ReluSpec = Output<typeof reluDescriptor.schema>;

export const reluDescriptor = opDescriptor(layer('relu', {}), {
  takesCompressed: false,
  outputIsFree: false,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

/** `functional.relu(x)` */
export const reluFunctional = functional({ x: tensorArgument() }, object({}), () => ({ spec: { type: 'relu' } }));

export const reluRule: OpRule<ReluSpec> = {
  shape: (_spec, [input]) => input,
  parameters: () => [],
};

export const relu: Op<ReluSpec> = {
  build(_spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const length = featureSize(input.features);
    const output = { ...denseValue(context, input.features), rectified: true as const };
    return {
      output,
      uses: [input.data, output.data],
      run: (n) => exports.relu_forward(n * length, input.data.pointer, output.data.pointer),
      backward(gradient) {
        const dy = denseGradient(context, gradient, input.features);
        const dx = context.buffer(context.batch * length);
        return {
          inputs: [{ kind: 'dense', data: dx }],
          uses: [output.data, dx, ...dy.uses],
          run(n) {
            dy.prepare(n);
            // The output is positive where the input is.
            exports.relu_backward(n * length, output.data.pointer, dy.data.pointer, dx.pointer);
          },
        };
      },
      choice: { kind: 'relu', input },
      tangent(inputs) {
        const dx = denseInput(inputs);
        const dy = denseValue(context, input.features);
        return {
          output: dy,
          uses: [output.data, dx.data, dy.data],
          run: (n) => exports.relu_backward(n * length, output.data.pointer, dx.data.pointer, dy.data.pointer),
        };
      },
    };
  },
};
