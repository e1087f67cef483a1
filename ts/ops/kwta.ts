/**
 * k-Winners-Take-All, `[C, H, W] -> [C, H, W]`: of each sample's C*H*W values the k largest survive,
 * ties going to the lowest index in C, H, W order. The output is compressed, and the mask that forward
 * chose is the gradient.
 */

import { ConfigError, DivergedError } from '../base/errors.js';
import {
  choice,
  either,
  integer,
  number,
  type Output,
  object,
  optional,
  refined,
  type Schema,
} from '../base/schema.js';
import { functional, tensorArgument } from './functional.js';
import {
  type BuildContext,
  buffersOf,
  type CompressedValue,
  compressedArguments,
  compressedValue,
  type DenseValue,
  denseGradient,
  denseInput,
  denseValue,
  entriesOf,
  type Features,
  featureSize,
  featureText,
  layer,
  type Op,
  opDescriptor,
  type Step,
} from './op.js';

const fields = {
  // Share of values that survive; or an absolute `k`.
  gamma: optional(number({ above: 0, max: 1 })),
  k: optional(integer({ min: 1 })),
  ties: optional(choice(['lowest', 'keep']), 'lowest'),
  backward: optional(choice(['mask', 'identity', 'softmask']), 'mask'),
  temperature: optional(temperature()),
};

/** What is put in place of the mask's gradient. */
export interface Surrogate {
  backward: (typeof surrogates)[number];
  /** Width of the sigmoid of `softmask`; {@link softmaskTemperature} when left out. */
  temperature?: number;
}

/** See {@link Surrogate}. */
export const surrogates = ['identity', 'softmask'] as const;

/** Width of the sigmoid that `softmask` puts in place of the mask, in units of the layer's values. */
const softmaskTemperature = 0.1;

/** Another one; far less than this is zero in 32 bits. */
export function temperature() {
  return number({ min: 1e-6 });
}

/** A temperature alone would do nothing. */
export function checkedSurrogate<S extends Schema<{ backward?: string; temperature?: number }>>(schema: S) {
  return refined(
    schema,
    ({ backward, temperature }) =>
      temperature !== undefined && backward !== 'softmask'
        ? `expected none unless backward is 'softmask', got ${temperature}`
        : undefined,
    'temperature',
  );
}

/** See `nn.kwta`. */
export type KwtaSpec = Output<typeof kwtaDescriptor.schema>;

export const kwtaDescriptor = opDescriptor(either(checkedSurrogate(layer('kwta', fields)), 'gamma', 'k'), {
  takesCompressed: false,
  outputIsFree: false,
  selects: true,
  batchStatistics: false,
  repeatable: false,
});

/** `functional.kwta(x, { gamma })` */
export const kwtaFunctional = functional(
  { x: tensorArgument() },
  either(checkedSurrogate(object(fields)), 'gamma', 'k'),
  (_, options) => ({ spec: { type: 'kwta', ...options } }),
);

/**
 * floor(gamma * n) with gamma read as the decimal that was written: 0.29 of 100 is 29, where the float
 * product gives 28.999999999999996.
 */
export function winners(gamma: number, n: number): number {
  const [mantissa, exponent = '0'] = String(gamma).split('e');
  const [whole, fraction = ''] = mantissa.split('.');
  const digits = BigInt(whole + fraction) * BigInt(n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? Number(digits / 10n ** BigInt(scale)) : Number(digits * 10n ** BigInt(-scale));
}

/** k of a layer. @throws {ConfigError} naming the layer, N and gamma when it is below 1 or above N. */
export function winnersOf(spec: Pick<KwtaSpec, 'gamma' | 'k'>, features: Features, layer: string): number {
  const n = featureSize(features);
  const where = `${layer} (kwta on ${featureText(features)}, N = ${n})`;
  if (spec.k !== undefined) {
    if (spec.k > n) throw new ConfigError(`${where}: expected k between 1 and N, got k = ${spec.k}`);
    return spec.k;
  }
  const k = winners(spec.gamma as number, n);
  if (k < 1) {
    throw new ConfigError(`${where}: gamma = ${spec.gamma} leaves k = floor(gamma * N) = 0 winners; expected k >= 1`);
  }
  return k;
}

/** Compresses `input` into `target`. @throws {DivergedError} when a value is NaN. */
function select(
  k: number,
  spec: KwtaSpec,
  input: DenseValue,
  target: CompressedValue,
  context: BuildContext,
  n: number,
) {
  const { c, h, w } = input.features;
  const sample = context.kernels.exports.kwta_forward(
    n,
    h * w,
    c,
    target.capacity,
    input.data.pointer,
    k,
    spec.ties === 'keep',
    target.start.pointer,
    target.channel.pointer,
    target.value.pointer,
  );
  if (sample >= 0) {
    throw new DivergedError(`${context.layer} (kwta): expected numbers, met NaN in sample ${sample} of the batch`);
  }
}

/** The mask that forward chose: the gradient is zero elsewhere, and stays compressed. */
function maskStep(k: number, spec: KwtaSpec, input: DenseValue, output: CompressedValue, context: BuildContext): Step {
  return {
    output,
    uses: [input.data, ...buffersOf(output)],
    run: (n) => select(k, spec, input, output, context, n),
    backward(dy) {
      return { inputs: [dy], uses: [], run: () => {} };
    },
    choice: { kind: 'kwta', input, chosen: output, k, ties: spec.ties },
    tangent: (inputs) => gathered(denseInput(inputs), output, context),
  };
}

/** The values of `dx` at the winners. */
function gathered(dx: DenseValue, winners: CompressedValue, context: BuildContext) {
  const output = entriesOf(context, winners);
  const run = (n: number): void =>
    context.kernels.exports.sparse_gather(...compressedArguments(n, output), dx.data.pointer, output.value.pointer);
  return { output, uses: [dx.data, ...buffersOf(output)], run };
}

/**
 * Surrogate gradients for attackers (BPDA, Athalye et al. 2018). They reach losers too, so the output is
 * held dense and the layer behind computes its whole input gradient.
 */
function surrogateStep(
  k: number,
  spec: KwtaSpec,
  input: DenseValue,
  chosen: CompressedValue,
  context: BuildContext,
): Step {
  const { exports } = context.kernels;
  const output = denseValue(context, input.features);
  const length = featureSize(input.features);
  const threshold = context.buffer(context.batch);
  return {
    output,
    uses: [input.data, ...buffersOf(chosen), output.data, threshold],
    run(n) {
      select(k, spec, input, chosen, context, n);
      exports.sparse_densify(...compressedArguments(n, chosen), chosen.value.pointer, output.data.pointer);
      exports.sparse_minimum(...compressedArguments(n, chosen), chosen.value.pointer, threshold.pointer);
    },
    backward(dy) {
      if (spec.backward === 'identity') return { inputs: [dy], uses: [], run: () => {} };
      const whole = denseGradient(context, dy, input.features);
      const dx = context.buffer(context.batch * length);
      return {
        inputs: [{ kind: 'dense', data: dx }],
        uses: [input.data, threshold, dx, ...whole.uses],
        run(n) {
          whole.prepare(n);
          exports.softmask_backward(
            n,
            length,
            input.data.pointer,
            threshold.pointer,
            spec.temperature ?? softmaskTemperature,
            whole.data.pointer,
            dx.pointer,
          );
          // Far below the threshold little is left of a gradient, and arithmetic on denormal numbers takes long.
          exports.flush_denormals(n * length, dx.pointer);
        },
      };
    },
    choice: { kind: 'kwta', input, chosen, k, ties: spec.ties },
    tangent(inputs) {
      const kept = gathered(denseInput(inputs), chosen, context);
      const dy = denseValue(context, input.features);
      return {
        output: dy,
        uses: [...kept.uses, dy.data],
        run(n) {
          kept.run(n);
          exports.sparse_densify(...compressedArguments(n, kept.output), kept.output.value.pointer, dy.data.pointer);
        },
      };
    },
  };
}

/** k-WTA (Xiao, Zhong & Zheng 2020). */
export const kwta: Op<KwtaSpec> = {
  shape(spec, [input], layer) {
    winnersOf(spec, input, layer);
    return input;
  },
  parameters: () => [],
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const k = winnersOf(spec, input.features, context.layer);
    const capacity = spec.ties === 'keep' ? featureSize(input.features) : k;
    const chosen = compressedValue(context, input.features, capacity);
    const step = spec.backward === 'mask' ? maskStep : surrogateStep;
    return step(k, spec, input, chosen, context);
  },
};
