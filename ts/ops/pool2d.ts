/** Max and average pooling, `[C, H, W] -> [C, oH, oW]`, windows may overlap the zero padding. */
import { ShapeError } from '../base/errors.js';
import {
  type BuildContext,
  denseGradient,
  denseInput,
  denseValue,
  type Features,
  featureSize,
  featureText,
  type Op,
} from './op.js';

/** See `nn.maxPool2d` and `nn.avgPool2d`. */
export interface Pool2dSpec<Type extends string> {
  type: Type;
  name?: string;
  kernel: number;
  stride: number;
  padding: number;
}

export type MaxPool2dSpec = Pool2dSpec<'maxPool2d'>;
export type AvgPool2dSpec = Pool2dSpec<'avgPool2d'>;

function shape({ type, kernel, stride, padding }: Pool2dSpec<string>, input: Features, layer: string): Features {
  if (input.h + 2 * padding < kernel || input.w + 2 * padding < kernel) {
    throw new ShapeError(
      `${layer} (${type}): expected an input of at least ${kernel}x${kernel} with padding ${padding}, got ${featureText(input)}`,
    );
  }
  const extent = (size: number) => Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return { c: input.c, h: extent(input.h), w: extent(input.w) };
}

function prepare(spec: Pool2dSpec<string>, input: Features, context: BuildContext) {
  const { c, h, w } = input;
  const output = shape(spec, input, context.layer);
  const sizes = (n: number) => [n, h, w, c, spec.kernel, spec.stride, spec.padding] as const;
  return { value: denseValue(context, output), sizes, dxLength: context.batch * featureSize(input) };
}

export const maxPool2d: Op<MaxPool2dSpec> = {
  takesSparse: false,
  shape: (spec, [input], layer) => shape(spec, input, layer),
  parameters: () => [],
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const { value: output, sizes, dxLength } = prepare(spec, input.features, context);
    const argmax = context.buffer(output.data.length);
    return {
      output,
      uses: [input.data, output.data, argmax],
      run: (n) => exports.max_pool2d_forward(...sizes(n), input.data.pointer, output.data.pointer, argmax.pointer),
      backward(gradient) {
        const dy = denseGradient(context, gradient, output.features);
        const dx = context.buffer(dxLength);
        return {
          inputs: [{ kind: 'dense', data: dx }],
          uses: [argmax, dx, ...dy.uses],
          run(n) {
            dy.prepare(n);
            exports.max_pool2d_backward(...sizes(n), dy.data.pointer, argmax.pointer, dx.pointer);
          },
        };
      },
    };
  },
};

export const avgPool2d: Op<AvgPool2dSpec> = {
  takesSparse: false,
  shape: (spec, [input], layer) => shape(spec, input, layer),
  parameters: () => [],
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const { value: output, sizes, dxLength } = prepare(spec, input.features, context);
    return {
      output,
      uses: [input.data, output.data],
      run: (n) => exports.avg_pool2d_forward(...sizes(n), input.data.pointer, output.data.pointer),
      backward(gradient) {
        const dy = denseGradient(context, gradient, output.features);
        const dx = context.buffer(dxLength);
        return {
          inputs: [{ kind: 'dense', data: dx }],
          uses: [dx, ...dy.uses],
          run(n) {
            dy.prepare(n);
            exports.avg_pool2d_backward(...sizes(n), dy.data.pointer, dx.pointer);
          },
        };
      },
    };
  },
};
