/**
 * Channels of two branches side by side, `[C1, H, W], [C2, H, W] -> [C1 + C2, H, W]`. Two compressed inputs stay
 * compressed: their entries stand side by side. Beside a dense one, a compressed input is expanded where it belongs.
 */
import { ShapeError } from '../base/errors.js';
import type { Output } from '../base/schema.js';
import {
  type BuildContext,
  buffersOf,
  type CompressedValue,
  compressedArguments,
  compressedValue,
  type DenseValue,
  denseGradient,
  denseValue,
  entriesOf,
  type Features,
  featureSize,
  featureText,
  type Gradient,
  gradientBuffers,
  layer,
  type Op,
  opDescriptor,
  type Step,
  type Value,
} from './op.js';

/** Joins two branches of `nn.concat`. */
export type ConcatSpec = Output<typeof concatDescriptor.schema>;

export const concatDescriptor = opDescriptor(layer('concat', {}), {
  takesCompressed: true,
  outputIsFree: true,
  selects: false,
  batchStatistics: false,
  repeatable: false,
});

function joined(a: Features, b: Features): Features {
  return { ...a, c: a.c + b.c };
}

/** Entries of `a` and then those of `b`, in every pixel of `output`. */
function entriesSideBySide(a: CompressedValue, b: CompressedValue, output: CompressedValue, context: BuildContext) {
  const { exports } = context.kernels;
  return {
    output,
    uses: [...buffersOf(a), ...buffersOf(b), ...buffersOf(output)],
    run(n: number) {
      const target = [output.start.pointer, output.channel.pointer, output.value.pointer] as const;
      const second = [b.features.c, b.capacity, b.start.pointer, b.channel.pointer] as const;
      exports.sparse_concat(...compressedArguments(n, a), a.value.pointer, ...second, b.value.pointer, ...target);
    },
  };
}

/** All values of the inputs, in every pixel of `output`. */
function valuesSideBySide(inputs: Value[], output: DenseValue, context: BuildContext) {
  const { exports } = context.kernels;
  const { c, h, w } = output.features;
  return {
    output,
    uses: [...inputs.flatMap(buffersOf), output.data],
    run(n: number) {
      for (const [i, input] of inputs.entries()) {
        const place = [i === 0 ? 0 : inputs[0].features.c, c, output.data.pointer] as const;
        if (input.kind === 'dense') {
          exports.write_channels(n * h * w, input.features.c, input.data.pointer, ...place);
        } else exports.sparse_write_channels(...compressedArguments(n, input), input.value.pointer, ...place);
      }
    },
  };
}

function compressedStep(a: CompressedValue, b: CompressedValue, context: BuildContext): Step {
  const { exports } = context.kernels;
  const output = compressedValue(context, joined(a.features, b.features), a.capacity + b.capacity);
  const second = () => [b.features.c, b.capacity, b.start.pointer, b.channel.pointer] as const;
  return {
    ...entriesSideBySide(a, b, output, context),
    backward(gradient) {
      if (gradient.kind !== 'compressed') throw new TypeError('a compressed value has a compressed gradient');
      const [da, db] = [a, b].map(({ capacity }) => context.buffer(context.batch * capacity));
      return {
        inputs: [
          { kind: 'compressed', at: a, values: da },
          { kind: 'compressed', at: b, values: db },
        ],
        uses: [gradient.values, a.start, a.channel, b.start, b.channel, da, db],
        run(n) {
          const first = compressedArguments(n, a);
          exports.sparse_split(...first, ...second(), gradient.values.pointer, da.pointer, db.pointer);
        },
      };
    },
    choice: undefined,
    // Derivatives have the patterns of their values.
    tangent: ([da, db]) =>
      entriesSideBySide(da as CompressedValue, db as CompressedValue, entriesOf(context, output), context),
  };
}

function denseStep(inputs: Value[], context: BuildContext): Step {
  const { exports } = context.kernels;
  const [a, b] = inputs.map(({ features }) => features);
  const output = denseValue(context, joined(a, b));
  const { c } = output.features;
  const rows = (n: number): number => n * a.h * a.w;
  const firsts = [0, a.c];
  return {
    ...valuesSideBySide(inputs, output, context),
    backward(gradient, wanted) {
      const dy = denseGradient(context, gradient, output.features);
      const gradients = inputs.map((input, i): Gradient | undefined => {
        if (!wanted.inputs[i]) return undefined;
        if (input.kind === 'compressed') {
          return { kind: 'compressed', at: input, values: context.buffer(context.batch * input.capacity) };
        }
        return { kind: 'dense', data: context.buffer(context.batch * featureSize(input.features)) };
      });
      return {
        inputs: gradients,
        uses: [...dy.uses, ...gradients.flatMap((dx) => (dx ? gradientBuffers(dx) : []))],
        run(n) {
          dy.prepare(n);
          for (const [i, dx] of gradients.entries()) {
            const place = [firsts[i], c, dy.data.pointer] as const;
            if (dx?.kind === 'dense') exports.read_channels(rows(n), inputs[i].features.c, dx.data.pointer, ...place);
            else if (dx) exports.sparse_read_channels(...compressedArguments(n, dx.at), dx.values.pointer, ...place);
          }
        },
      };
    },
    choice: undefined,
    tangent: (directions) => valuesSideBySide(directions, denseValue(context, output.features), context),
  };
}

export const concat: Op<ConcatSpec> = {
  shape(_spec, [a, b], layer) {
    if (a.h !== b.h || a.w !== b.w) {
      throw new ShapeError(
        `${layer} (concat): expected branches of one height and width, got ${featureText(a)} and ${featureText(b)}`,
      );
    }
    return joined(a, b);
  },
  parameters: () => [],
  build(_spec, inputs, context) {
    const [a, b] = inputs;
    return a.kind === 'compressed' && b.kind === 'compressed'
      ? compressedStep(a, b, context)
      : denseStep(inputs, context);
  },
};
