/** Softmax and its logarithm over the classes, `[C, 1, 1] -> [C, 1, 1]`. */
import { boolean, type Output, object } from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import { denseGradient, denseInput, denseValue, featureSize, layer, type Op, type OpRule, opDescriptor } from './op.js';

/** See `functional.softmax` and `functional.logSoftmax`. */
export type SoftmaxSpec = Output<typeof softmaxDescriptor.schema>;

export const softmaxDescriptor = opDescriptor(layer('softmax', { log: boolean() }), {
  takesCompressed: false,
  outputIsFree: false,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

/** `functional.softmax(x)` and `functional.logSoftmax(x)` */
const overClasses = (log: boolean) =>
  functional({ x: tensorArgument(2) }, object({}), () => ({ spec: { type: 'softmax', log } }));
export const softmaxFunctional = overClasses(false);
export const logSoftmaxFunctional = overClasses(true);

export const softmaxRule: OpRule<SoftmaxSpec> = {
  shape: (_spec, [input]) => input,
  parameters: () => [],
};

export const softmax: Op<SoftmaxSpec> = {
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { exports } = context.kernels;
    const classes = featureSize(input.features);
    const output = denseValue(context, input.features);
    const forward = spec.log ? exports.log_softmax_forward : exports.softmax_forward;
    const backward = spec.log ? exports.log_softmax_backward : exports.softmax_backward;
    return {
      output,
      uses: [input.data, output.data],
      run: (n) => forward(n, classes, input.data.pointer, output.data.pointer),
      backward(gradient) {
        const dy = denseGradient(context, gradient, input.features);
        const dx = context.buffer(context.batch * classes);
        return {
          inputs: [{ kind: 'dense', data: dx }],
          uses: [output.data, dx, ...dy.uses],
          run(n) {
            dy.prepare(n);
            backward(n, classes, output.data.pointer, dy.data.pointer, dx.pointer);
          },
        };
      },
      choice: undefined,
      tangent: 'curved',
    };
  },
};
