/** Layer normalisation, `[C, H, W] -> [C, H, W]`: each sample over all of its values (Ba, Kiros & Hinton 2016). */
import { number, type Output, object, optional } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { functional, maybe, tensorArgument } from './functional.js';
import { layer, type Op, type OpRule, opDescriptor } from './op.js';
import { sampleNormParameters, sampleNormStep, sampleNormTraits } from './sampleNorm.js';

const fields = { eps: optional(number({ above: 0 }), 1e-5) };

/** See `nn.layerNorm`. */
export type LayerNormSpec = Output<typeof layerNormDescriptor.schema>;

export const layerNormDescriptor = opDescriptor(layer('layerNorm', fields), sampleNormTraits);

/** `functional.layerNorm(x, { weight, bias })` */
export const layerNormFunctional = functional(
  { x: tensorArgument(), weight: maybe(tensorArgument()), bias: maybe(tensorArgument()) },
  object(fields),
  ({ x, weight, bias }, options) => {
    const shape = x.shape[2] * x.shape[3] > 1 ? x.shape.slice(1) : [x.shape[1]];
    const length = shape.reduce((product, extent) => product * extent, 1);
    const constant = (value: number): Tensor => ({ shape, data: new Float32Array(length).fill(value) });
    return {
      spec: { type: 'layerNorm', ...options },
      parameters: { weight: weight ?? constant(1), bias: bias ?? constant(0) },
    };
  },
);

export const layerNormRule: OpRule<LayerNormSpec> = {
  shape: (_spec, [input]) => input,
  // As PyTorch's `LayerNorm([C, H, W])`, and `LayerNorm(C)` for flat features.
  parameters: (_spec, { c, h, w }) =>
    h * w > 1 ? sampleNormParameters([c, h, w], 'channelsLast') : sampleNormParameters([c], 'plain'),
};

export const layerNorm: Op<LayerNormSpec> = {
  build: ({ eps }, inputs, context) => sampleNormStep({ groups: 1, eps, by: 'value' }, inputs, context),
};
