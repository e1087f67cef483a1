/** GELU, `[C, H, W] -> [C, H, W]`: x * P(x), with P the distribution function of the standard normal distribution. */
import { type Output, object } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import { layer, type Op, opDescriptor } from './op.js';
import { pointwise, pointwiseTraits } from './pointwise.js';

/** See `nn.gelu`. */
export type GeluSpec = Output<typeof geluDescriptor.schema>;

export const geluDescriptor = opDescriptor(layer('gelu', {}), pointwiseTraits);

/** `functional.gelu(x)` */
export const geluFunctional = functional({ x: tensorArgument() }, object({}), () => ({ spec: { type: 'gelu' } }));

export const gelu: Op<GeluSpec> = {
  build(_, inputs, context) {
    const { exports } = context.kernels;
    return pointwise(inputs, context, {
      forward: exports.gelu_forward,
      backward: exports.gelu_backward,
      shape: 'curved',
    });
  },
};
