/** What activations that act on each value by itself have in common: their gradient follows from the input alone. */
import {
  type BuildContext,
  type DenseValue,
  denseGradient,
  denseInput,
  denseValue,
  featureSize,
  type OpRule,
  type OpTraits,
  type Step,
  type TangentStep,
  type Value,
} from './op.js';

/** Traits of such an activation. */
export const pointwiseTraits: OpTraits = {
  takesCompressed: false,
  outputIsFree: true,
  selects: false,
  batchStatistics: false,
  repeatable: false,
};

/** The kernels of an activation, on `length` values at these addresses. */
export interface PointwiseKernels {
  forward(length: number, x: number, y: number): void;
  backward(length: number, x: number, dy: number, dx: number): void;
  /** Curved, or affine on both sides of a kink at zero. */
  shape: 'curved' | 'kink';
}

/** The step of an activation of these kernels. */
export function pointwise(
  inputs: Value[],
  context: BuildContext,
  { forward, backward, shape }: PointwiseKernels,
): Step {
  const input = denseInput(inputs);
  const length = featureSize(input.features);
  const output = denseValue(context, input.features);
  const kinkTangent = (dx: DenseValue): TangentStep => {
    const dy = denseValue(context, input.features);
    return {
      output: dy,
      uses: [input.data, dx.data, dy.data],
      run: (n) => backward(n * length, input.data.pointer, dx.data.pointer, dy.data.pointer),
    };
  };
  return {
    output,
    uses: [input.data, output.data],
    run: (n) => forward(n * length, input.data.pointer, output.data.pointer),
    backward(gradient) {
      const dy = denseGradient(context, gradient, input.features);
      const dx = context.buffer(context.batch * length);
      return {
        inputs: [{ kind: 'dense', data: dx }],
        uses: [input.data, dx, ...dy.uses],
        run(n) {
          dy.prepare(n);
          backward(n * length, input.data.pointer, dy.data.pointer, dx.pointer);
        },
      };
    },
    choice: shape === 'kink' ? { kind: 'relu', input } : undefined,
    tangent: shape === 'kink' ? (directions) => kinkTangent(denseInput(directions)) : shape,
  };
}

/** Of all activations. */
export const pointwiseRule: OpRule<unknown> = { shape: (_spec, [input]) => input, parameters: () => [] };
