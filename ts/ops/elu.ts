/** ELU, `[C, H, W] -> [C, H, W]`: x where it is positive, else alpha * (e^x - 1); the gradient at 0 is `alpha`, as in PyTorch. */
import { number, type Output, object, optional } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import { layer, type Op, opDescriptor } from './op.js';
import { pointwise, pointwiseTraits } from './pointwise.js';

const fields = { alpha: optional(number(), 1) };

/** See `nn.elu`. */
export type EluSpec = Output<typeof eluDescriptor.schema>;

export const eluDescriptor = opDescriptor(layer('elu', fields), pointwiseTraits);

/** `functional.elu(x, { alpha })` */
export const eluFunctional = functional({ x: tensorArgument() }, object(fields), (_, options) => ({
  spec: { type: 'elu', ...options },
}));

export const elu: Op<EluSpec> = {
  build({ alpha }, inputs, context) {
    const { exports } = context.kernels;
    return pointwise(inputs, context, {
      forward: (length, x, y) => exports.elu_forward(length, alpha, x, y),
      backward: (length, x, dy, dx) => exports.elu_backward(length, alpha, x, dy, dx),
      shape: 'curved',
    });
  },
};
