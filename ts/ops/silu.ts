/** SiLU, `[C, H, W] -> [C, H, W]`: x * sigmoid(x). */
import { type Output, object } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import { layer, type Op, opDescriptor } from './op.js';
import { pointwise, pointwiseTraits } from './pointwise.js';

/** See `nn.silu`. */
export type SiluSpec = Output<typeof siluDescriptor.schema>;

export const siluDescriptor = opDescriptor(layer('silu', {}), pointwiseTraits);

/** `functional.silu(x)` */
export const siluFunctional = functional({ x: tensorArgument() }, object({}), () => ({ spec: { type: 'silu' } }));

export const silu: Op<SiluSpec> = {
  build(_, inputs, context) {
    const { exports } = context.kernels;
    return pointwise(inputs, context, {
      forward: exports.silu_forward,
      backward: exports.silu_backward,
      shape: 'curved',
    });
  },
};
