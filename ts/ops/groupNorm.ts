/** Group normalisation, `[C, H, W] -> [C, H, W]`: each sample's channels in groups, over all pixels (Wu & He 2018). */
import { ShapeError } from '../base/errors.js';
import { integer, number, type Output, object, optional } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { functional, maybe, tensorArgument } from './functional.js';
import { type Features, featureText, layer, type Op, type OpRule, opDescriptor } from './op.js';
import { sampleNormParameters, sampleNormStep, sampleNormTraits } from './sampleNorm.js';

const fields = { groups: integer({ min: 1 }), eps: optional(number({ above: 0 }), 1e-5) };

/** See `nn.groupNorm`. */
export type GroupNormSpec = Output<typeof groupNormDescriptor.schema>;

export const groupNormDescriptor = opDescriptor(layer('groupNorm', fields), sampleNormTraits);

/** `functional.groupNorm(x, { groups, weight, bias })` */
export const groupNormFunctional = functional(
  { x: tensorArgument(), weight: maybe(tensorArgument()), bias: maybe(tensorArgument()) },
  object(fields),
  ({ x, weight, bias }, options) => {
    const channels = x.shape[1];
    const constant = (value: number): Tensor => ({ shape: [channels], data: new Float32Array(channels).fill(value) });
    return {
      spec: { type: 'groupNorm', ...options },
      parameters: { weight: weight ?? constant(1), bias: bias ?? constant(0) },
    };
  },
);

export const groupNormRule: OpRule<GroupNormSpec> = {
  shape({ groups }, [input], layer): Features {
    if (input.c % groups !== 0) {
      throw new ShapeError(
        `${layer} (groupNorm): expected groups that divide the channels of ${featureText(input)}, got ${groups}`,
      );
    }
    return input;
  },
  parameters: (_spec, { c }) => sampleNormParameters([c], 'plain'),
};

export const groupNorm: Op<GroupNormSpec> = {
  build: ({ groups, eps }, inputs, context) => sampleNormStep({ groups, eps, by: 'channel' }, inputs, context),
};
