/**
 * Dropout, `[C, H, W] -> [C, H, W]`: in training mode each value is zero with probability p, else scaled by 1 / (1 - p).
 * With `always` in eval mode, too: every pass draws anew, so that no two answers are the same, on purpose.
 */
import { boolean, number, type Output, optional } from '../base/schema.js';
import {
  denseGradient,
  denseInput,
  denseValue,
  featureSize,
  identityStep,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
} from './op.js';

/** See `nn.dropout`. */
export type DropoutSpec = Output<typeof dropoutDescriptor.schema>;

export const dropoutDescriptor = opDescriptor(
  layer('dropout', { p: number({ min: 0, below: 1 }), always: optional(boolean()) }),
  {
    takesCompressed: false,
    outputIsFree: false,
    selects: false,
    batchStatistics: false,
    repeatable: false,
  },
);

export const dropoutRule: OpRule<DropoutSpec> = {
  shape: (_spec, [input]) => input,
  parameters: () => [],
};

export const dropout: Op<DropoutSpec> = {
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const training = context.mode === 'train';
    if (spec.p === 0 || !(training || spec.always === true)) {
      return identityStep(input);
    }
    const { exports } = context.kernels;
    const length = featureSize(input.features);
    const output = denseValue(context, input.features);
    // The same counters give the same mask again in the backward pass: nothing is stored.
    let turn = 0;
    const draw = (n: number, source: number, target: number) =>
      exports.dropout(n * length, source, spec.p, context.state.seed, context.stream, turn, target);
    return {
      output,
      uses: [input.data, output.data],
      run(n) {
        turn = training ? context.state.step : context.state.passes;
        draw(n, input.data.pointer, output.data.pointer);
      },
      backward(gradient) {
        const dy = denseGradient(context, gradient, input.features);
        const dx = context.buffer(context.batch * length);
        return {
          inputs: [{ kind: 'dense', data: dx }],
          uses: [dx, ...dy.uses],
          run(n) {
            dy.prepare(n);
            draw(n, dy.data.pointer, dx.pointer);
          },
        };
      },
      choice: undefined,
      tangent: 'random',
    };
  },
};
