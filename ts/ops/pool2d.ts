/** Max and average pooling, `[C, H, W] -> [C, oH, oW]`, windows may overlap the zero padding. */
import { completed, integer, type Output, object, optional, refined, type Schema } from '../base/schema.js';
import type { Kernels } from '../kernels/kernels.js';
import type { Buffer } from './buffer.js';
import { functional, tensorArgument } from './functional.js';
import {
  type BuildContext,
  type DenseValue,
  denseGradient,
  denseInput,
  denseValue,
  type Features,
  featureSize,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
} from './op.js';
import { windowExtents } from './window.js';

/** See `nn.maxPool2d` and `nn.avgPool2d`. */
export type MaxPool2dSpec = Output<typeof maxPool2dDescriptor.schema>;
export type AvgPool2dSpec = Output<typeof avgPool2dDescriptor.schema>;
type Pool2dSpec = MaxPool2dSpec | AvgPool2dSpec;

const fields = {
  kernel: integer({ min: 1 }),
  stride: optional(integer({ min: 1 })),
  padding: optional(integer({ min: 0 }), 0),
};

/** `schema` with the window's step completed, and zeros around that are no more than half of it. */
function pooling<S extends Schema<unknown, { kernel: number; stride?: number; padding: number }>>(schema: S) {
  const paddingFits = refined(
    schema,
    ({ kernel, padding }) => {
      const most = Math.floor(kernel / 2);
      return padding > most ? `expected a whole number >= 0 and <= ${most}, got ${padding}` : undefined;
    },
    'padding',
  );
  return completed(paddingFits, (spec) => ({ ...spec, stride: spec.stride ?? spec.kernel }));
}

export const maxPool2dDescriptor = opDescriptor(pooling(layer('maxPool2d', fields)), {
  takesCompressed: false,
  outputIsFree: false,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

export const avgPool2dDescriptor = opDescriptor(pooling(layer('avgPool2d', fields)), {
  takesCompressed: false,
  outputIsFree: true,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

/** `functional.maxPool2d(x, { kernel })` and `functional.avgPool2d(x, { kernel })` */
const poolFunctional = <const Type extends string>(type: Type) =>
  functional({ x: tensorArgument(4) }, pooling(object(fields)), (_, options) => ({ spec: { type, ...options } }));
export const maxPool2dFunctional = poolFunctional('maxPool2d');
export const avgPool2dFunctional = poolFunctional('avgPool2d');

function shape({ type, kernel, stride, padding }: Pool2dSpec, input: Features, layer: string): Features {
  const window = { kh: kernel, kw: kernel, stride, padding };
  return { c: input.c, ...windowExtents(window, input, `${layer} (${type})`) };
}

function prepare(spec: Pool2dSpec, input: Features, context: BuildContext) {
  const { c, h, w } = input;
  const output = shape(spec, input, context.layer);
  const sizes = (n: number) => [n, h, w, c, spec.kernel, spec.stride, spec.padding] as const;
  return { value: denseValue(context, output), sizes, dxLength: context.batch * featureSize(input) };
}

function windowOf({ kernel, stride = kernel, padding }: MaxPool2dSpec) {
  return { kernel, stride, padding };
}

/** Of each window the value of the pixel in `argmax`. */
function takeLargest(
  kernels: Kernels,
  n: number,
  { c, h, w }: Features,
  output: Features,
  from: DenseValue,
  argmax: Buffer,
  to: DenseValue,
): void {
  const values = kernels.f32(from.data.pointer, n * c * h * w);
  const length = featureSize(output);
  const pixels = kernels.u32(argmax.pointer, n * length);
  const result = kernels.f32(to.data.pointer, n * length);
  for (let i = 0; i < result.length; i++) {
    result[i] = values[Math.floor(i / length) * c * h * w + pixels[i] * c + (i % c)];
  }
}

export const maxPool2dRule: OpRule<MaxPool2dSpec> = {
  shape: (spec, [input], layer) => shape(spec, input, layer),
  parameters: () => [],
};

export const maxPool2d: Op<MaxPool2dSpec> = {
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const { value, sizes, dxLength } = prepare(spec, input.features, context);
    // The largest of a window is +0 only where that is a value whose gradient is not needed.
    const output: DenseValue = input.rectified ? { ...value, rectified: true } : value;
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
      choice: { kind: 'maxPool', input, argmax, output: output.features, ...windowOf(spec) },
      tangent(inputs) {
        const dx = denseInput(inputs);
        const dy = denseValue(context, output.features);
        return {
          output: dy,
          uses: [argmax, dx.data, dy.data],
          run: (n) => takeLargest(context.kernels, n, input.features, output.features, dx, argmax, dy),
        };
      },
    };
  },
};

export const avgPool2dRule: OpRule<AvgPool2dSpec> = {
  shape: (spec, [input], layer) => shape(spec, input, layer),
  parameters: () => [],
};

export const avgPool2d: Op<AvgPool2dSpec> = {
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
      choice: undefined,
      tangent(inputs) {
        const dx = denseInput(inputs);
        const dy = denseValue(context, output.features);
        return {
          output: dy,
          uses: [dx.data, dy.data],
          run: (n) => exports.avg_pool2d_forward(...sizes(n), dx.data.pointer, dy.data.pointer),
        };
      },
    };
  },
};
