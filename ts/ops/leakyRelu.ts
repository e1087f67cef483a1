/** Leaky ReLU, `[C, H, W] -> [C, H, W]`: x where it is positive, else slope * x; the gradient at 0 is `slope`, as in PyTorch. */
import { number, type Output, object, optional } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import { layer, type Op, opDescriptor } from './op.js';
import { pointwise, pointwiseTraits } from './pointwise.js';

const fields = { slope: optional(number(), 0.01) };

/** See `nn.leakyRelu`. */
export type LeakyReluSpec = Output<typeof leakyReluDescriptor.schema>;

export const leakyReluDescriptor = opDescriptor(layer('leakyRelu', fields), pointwiseTraits);

/** `functional.leakyRelu(x, { slope })` */
export const leakyReluFunctional = functional({ x: tensorArgument() }, object(fields), (_, options) => ({
  spec: { type: 'leakyRelu', ...options },
}));

export const leakyRelu: Op<LeakyReluSpec> = {
  build({ slope }, inputs, context) {
    const { exports } = context.kernels;
    return pointwise(inputs, context, {
      forward: (length, x, y) => exports.leaky_relu_forward(length, slope, x, y),
      backward: (length, x, dy, dx) => exports.leaky_relu_backward(length, slope, x, dy, dx),
      shape: 'kink',
    });
  },
};
