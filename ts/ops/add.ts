/** Sum of two branches, `[C, H, W] x 2 -> [C, H, W]`; either may be compressed. */

import { ShapeError } from '../base/errors.js';
import type { Output } from '../base/schema.js';
import {
  type BuildContext,
  buffersOf,
  compressedArguments,
  type DenseValue,
  denseGradient,
  denseValue,
  featureSize,
  featureText,
  type Gradient,
  layer,
  type Op,
  type OpRule,
  opDescriptor,
  type Value,
} from './op.js';

/** Joins the branches of `nn.residual`. */
export type AddSpec = Output<typeof addDescriptor.schema>;

export const addDescriptor = opDescriptor(layer('add', {}), {
  takesCompressed: true,
  outputIsFree: true,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

function addTo(context: BuildContext, n: number, value: Value, target: number): void {
  const { exports } = context.kernels;
  if (value.kind === 'compressed') exports.sparse_add(...compressedArguments(n, value), value.value.pointer, target);
  else exports.add_in_place(n * featureSize(value.features), value.data.pointer, target);
}

/** Writes the sum to `output`, which may be `main`. */
function sumOf(context: BuildContext, main: Value, shortcut: Value, output: DenseValue) {
  const { exports } = context.kernels;
  return {
    output,
    uses: [...buffersOf(main), ...buffersOf(shortcut), output.data],
    run(n: number) {
      if (main.kind === 'compressed') {
        exports.sparse_densify(...compressedArguments(n, main), main.value.pointer, output.data.pointer);
      } else if (main !== output) {
        exports.copy(n * featureSize(main.features), main.data.pointer, output.data.pointer);
      }
      addTo(context, n, shortcut, output.data.pointer);
    },
  };
}

export const addRule: OpRule<AddSpec> = {
  shape(_spec, [main, shortcut], layer) {
    if (main.c !== shortcut.c || main.h !== shortcut.h || main.w !== shortcut.w) {
      throw new ShapeError(
        `${layer} (residual): expected main and shortcut of one shape, got ${featureText(main)} and ${featureText(shortcut)}`,
      );
    }
    return main;
  },
  parameters: () => [],
};

export const add: Op<AddSpec> = {
  build(_spec, inputs, context) {
    const { exports } = context.kernels;
    const [main, shortcut] = inputs;
    const { features } = main;
    const output = main.kind === 'dense' && context.mayOverwrite(0) ? main : denseValue(context, features);
    return {
      ...sumOf(context, main, shortcut, output),
      backward(dy, wanted) {
        // A dense branch takes the gradient as it is; a compressed one gathers it at its own winners.
        const sparse = inputs.map((input, i) => wanted.inputs[i] && input.kind === 'compressed');
        if (!sparse.includes(true))
          return { inputs: wanted.inputs.map((w) => (w ? dy : undefined)), uses: [], run: () => {} };
        const whole = denseGradient(context, dy, features);
        const gradients = inputs.map((input, i): Gradient | undefined => {
          if (!wanted.inputs[i]) return undefined;
          if (input.kind === 'dense') return dy;
          return { kind: 'compressed', at: input, values: context.buffer(context.batch * input.capacity) };
        });
        const gathered = gradients.filter((g, i) => sparse[i] && g?.kind === 'compressed') as (Gradient & {
          kind: 'compressed';
        })[];
        return {
          inputs: gradients,
          uses: [...whole.uses, ...gathered.flatMap((g) => [g.at.start, g.at.channel, g.values])],
          run(n) {
            whole.prepare(n);
            for (const { at, values } of gathered) {
              exports.sparse_gather(...compressedArguments(n, at), whole.data.pointer, values.pointer);
            }
          },
        };
      },
      choice: undefined,
      tangent: ([one, other]) => sumOf(context, one, other, denseValue(context, features)),
    };
  },
};
