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
  type OpRule,
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

function compressedStep(a: CompressedValue, b: CompressedValue, context: BuildContext): Step {
  const { exports } = context.kernels;
  const result = compressedValue(context, joined(a.features, b.features), a.capacity + b.capacity);
  const second = () => [b.features.c, b.capacity, b.start.pointer, b.channel.pointer] as const;
  /** Writes the entries of both, which stand where those of `a` and `b` do. */
  const entries = (one: CompressedValue, other: CompressedValue, output: CompressedValue) => ({
    output,
    uses: [...buffersOf(one), ...buffersOf(other), ...buffersOf(output)],
    run(n: number) {
      const target = [output.start.pointer, output.channel.pointer, output.value.pointer] as const;
      const first = compressedArguments(n, a);
      exports.sparse_concat(...first, one.value.pointer, ...second(), other.value.pointer, ...target);
    },
  });
  return {
    ...entries(a, b, result),
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
    tangent([one, other]) {
      if (one.kind !== 'compressed' || other.kind !== 'compressed') {
        throw new TypeError('a compressed value has a compressed derivative');
      }
      return entries(one, other, entriesOf(context, result));
    },
  };
}

function denseStep(inputs: Value[], context: BuildContext): Step {
  const { exports } = context.kernels;
  const [a, b] = inputs.map(({ features }) => features);
  const whole = joined(a, b);
  const { c } = whole;
  const rows = (n: number): number => n * a.h * a.w;
  const firsts = [0, a.c];
  const written = (parts: Value[]) => {
    const output = denseValue(context, whole);
    const run = (n: number): void => {
      for (const [i, part] of parts.entries()) {
        const place = [firsts[i], c, output.data.pointer] as const;
        if (part.kind === 'dense') {
          exports.write_channels(rows(n), part.features.c, part.data.pointer, ...place);
        } else exports.sparse_write_channels(...compressedArguments(n, part), part.value.pointer, ...place);
      }
    };
    return { output, uses: [...parts.flatMap(buffersOf), output.data], run };
  };
  return {
    ...written(inputs),
    backward(gradient, wanted) {
      const dy = denseGradient(context, gradient, whole);
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
    tangent: written,
  };
}

export const concatRule: OpRule<ConcatSpec> = {
  shape(_spec, [a, b], layer) {
    if (a.h !== b.h || a.w !== b.w) {
      throw new ShapeError(
        `${layer} (concat): expected branches of one height and width, got ${featureText(a)} and ${featureText(b)}`,
      );
    }
    return joined(a, b);
  },
  parameters: () => [],
};

export const concat: Op<ConcatSpec> = {
  build(_spec, inputs, context) {
    const [a, b] = inputs;
    return a.kind === 'compressed' && b.kind === 'compressed'
      ? compressedStep(a, b, context)
      : denseStep(inputs, context);
  },
};
