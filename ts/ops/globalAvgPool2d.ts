/** Mean over all pixels, `[C, H, W] -> [C, 1, 1]`; a compressed input is summed entry by entry. */
import { type Output, object } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import {
  buffersOf,
  compressedArguments,
  type DenseValue,
  denseGradient,
  denseValue,
  featureSize,
  type Gradient,
  gradientBuffers,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
  type Value,
} from './op.js';

/** See `nn.globalAvgPool2d`. */
export type GlobalAvgPool2dSpec = Output<typeof globalAvgPool2dDescriptor.schema>;

export const globalAvgPool2dDescriptor = opDescriptor(layer('globalAvgPool2d', {}), {
  takesCompressed: true,
  outputIsFree: false,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

/** `functional.globalAvgPool2d(x)` */
export const globalAvgPool2dFunctional = functional({ x: tensorArgument(4) }, object({}), () => ({
  spec: { type: 'globalAvgPool2d' },
}));

export const globalAvgPool2dRule: OpRule<GlobalAvgPool2dSpec> = {
  shape: (_spec, [input]) => ({ c: input.c, h: 1, w: 1 }),
  parameters: () => [],
};

export const globalAvgPool2d: Op<GlobalAvgPool2dSpec> = {
  build(_spec, [input], context) {
    const { exports } = context.kernels;
    const { c, h, w } = input.features;
    const average = (from: Value, output: DenseValue) => ({
      output,
      uses: [...buffersOf(from), output.data],
      run(n: number) {
        if (from.kind === 'dense') {
          exports.global_average_forward(n, h * w, c, from.data.pointer, output.data.pointer);
        } else {
          exports.sparse_global_average(...compressedArguments(n, from), from.value.pointer, output.data.pointer);
        }
      },
    });
    const output = denseValue(context, { c, h: 1, w: 1 });
    return {
      ...average(input, output),
      backward(gradient) {
        const dy = denseGradient(context, gradient, output.features);
        const dx: Gradient =
          input.kind === 'dense'
            ? { kind: 'dense', data: context.buffer(context.batch * featureSize(input.features)) }
            : { kind: 'compressed', at: input, values: context.buffer(context.batch * input.capacity) };
        return {
          inputs: [dx],
          uses: [...dy.uses, ...gradientBuffers(dx)],
          run(n) {
            dy.prepare(n);
            if (dx.kind === 'dense') {
              exports.global_average_backward(n, h * w, c, dy.data.pointer, dx.data.pointer);
            } else {
              exports.sparse_global_average_gradient(
                ...compressedArguments(n, dx.at),
                dy.data.pointer,
                dx.values.pointer,
              );
            }
          },
        };
      },
      choice: undefined,
      tangent: ([dx]) => average(dx, denseValue(context, output.features)),
    };
  },
};
