/**
 * k-Winners-Take-All, `[C, H, W] -> [C, H, W]`: of each sample's C*H*W values the k largest survive,
 * ties going to the lowest index in C, H, W order. The output is compressed, and the mask that forward
 * chose is the gradient. Winners may also be chosen in each channel or pixel, by magnitude, and with a boost for channels
 * that win too rarely, whose duty cycle is a state of the layer.
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
import type { Buffer } from './buffer.js';
import { functional, tensorArgument } from './functional.js';
import {
  type BuildContext,
  buffersOf,
  type Choice,
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
  type OpRule,
  opDescriptor,
  type ParameterSpec,
  type Step,
  type TangentStep,
  type WinnerScope,
} from './op.js';

/** Which values share the k winners; their numbers are the kernels'. */
const scopes = ['layer', 'channel', 'pixel'] as const satisfies WinnerScope[];

const fields = {
  // Share of values that survive; or an absolute `k`.
  gamma: optional(number({ above: 0, max: 1 })),
  k: optional(integer({ min: 1 })),
  scope: optional(choice(scopes), 'layer'),
  by: optional(choice(['value', 'magnitude']), 'value'),
  ties: optional(choice(['lowest', 'keep']), 'lowest'),
  backward: optional(choice(['mask', 'identity', 'softmask']), 'mask'),
  temperature: optional(temperature()),
};

const boost = object({
  strength: number({ min: 0 }),
  period: optional(integer({ min: 1, max: 2 ** 24 }), 1000),
  inferenceFactor: optional(number({ min: 1 }), 1),
});

/** What is put in place of the mask's gradient. */
export interface Surrogate {
  /** `identity`: passed over; `softmask`: the mask softened by a sigmoid. */
  backward: (typeof surrogates)[number];
  /** Width of the sigmoid of `softmask`; 0.1 when left out. */
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

export const kwtaDescriptor = opDescriptor(
  boostable(either(checkedSurrogate(layer('kwta', { ...fields, boost: optional(boost) })), 'gamma', 'k')),
  {
    takesCompressed: false,
    outputIsFree: false,
    selects: true,
    batchStatistics: false,
    repeatable: false,
  },
);

/** Where each channel has its k winners, none can win too rarely. */
function boostable<S extends Schema<{ scope?: string; boost?: unknown }>>(schema: S) {
  return refined(
    schema,
    ({ scope, boost }) =>
      boost !== undefined && scope === 'channel'
        ? "expected none with scope 'channel', where every channel wins as often"
        : undefined,
    'boost',
  );
}

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

/** Values that share the winners of a layer, and how many such groups a sample has. */
export function groupsOf({ scope }: Pick<KwtaSpec, 'scope'>, { c, h, w }: Features): { n: number; count: number } {
  if (scope === 'channel') return { n: h * w, count: c };
  return scope === 'pixel' ? { n: c, count: h * w } : { n: c * h * w, count: 1 };
}

/**
 * Winners of each group of a layer in training; in inference a boosted layer may have more of them.
 *
 * @throws {ConfigError} naming the layer, N and gamma when it is below 1 or above N.
 */
export function winnersOf(spec: Pick<KwtaSpec, 'gamma' | 'k' | 'scope'>, features: Features, layer: string): number {
  const { n } = groupsOf(spec, features);
  const each = spec.scope === 'layer' ? '' : ` in each ${spec.scope}`;
  const where = `${layer} (kwta on ${featureText(features)}, N = ${n}${each})`;
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

/** How a layer chooses its winners, with what it needs for that. */
interface Selection {
  /** The winners; written by {@link run}. */
  chosen: CompressedValue;
  /** What ranks the values: the layer's input, or what was made of it. */
  keys: Buffer;
  /** The smallest key of the winners, for each group of each sample; written by {@link thresholds}. */
  threshold: Buffer;
  uses: Buffer[];
  /** @throws {DivergedError} when a value is NaN. */
  run(n: number): void;
  /** Completes {@link threshold} after {@link run}. */
  thresholds(n: number): void;
  choice: Choice;
}

/** @throws {DivergedError} when a kernel met NaN. */
function checkNumbers(sample: number, layer: string): void {
  if (sample >= 0) {
    throw new DivergedError(`${layer} (kwta): expected numbers, met NaN in sample ${sample} of the batch`);
  }
}

/** The values rank themselves, and the whole sample is one group: the fast way. */
function plainSelection(k: number, spec: KwtaSpec, input: DenseValue, context: BuildContext): Selection {
  const { exports } = context.kernels;
  const { c, h, w } = input.features;
  const chosen = compressedValue(context, input.features, spec.ties === 'keep' ? featureSize(input.features) : k);
  const threshold = context.buffer(context.batch);
  return {
    chosen,
    keys: input.data,
    threshold,
    uses: [input.data, ...buffersOf(chosen)],
    run(n) {
      const target = [chosen.start.pointer, chosen.channel.pointer, chosen.value.pointer] as const;
      const sizes = [n, h * w, c, chosen.capacity] as const;
      const bad = exports.kwta_forward(...sizes, input.data.pointer, k, spec.ties === 'keep', ...target);
      checkNumbers(bad, context.layer);
    },
    thresholds: (n) =>
      exports.sparse_minimum(...compressedArguments(n, chosen), chosen.value.pointer, threshold.pointer),
    choice: { kind: 'kwta', input, chosen, k, scope: 'layer', factors: undefined },
  };
}

/** The same with groups, keys and boosts. */
function groupedSelection(k: number, spec: KwtaSpec, input: DenseValue, context: BuildContext): Selection {
  const { exports } = context.kernels;
  const { c, h, w } = input.features;
  const size = featureSize(input.features);
  const groups = groupsOf(spec, input.features);
  const { boost, by, ties, scope } = spec;
  const chosen = compressedValue(context, input.features, ties === 'keep' ? size : k * groups.count);
  const keys = boost || by === 'magnitude' ? context.buffer(context.batch * size) : input.data;
  const threshold = context.buffer(context.batch * groups.count);
  const factors = boost && context.buffer(c);
  const { duty_cycle: shares, duty_samples: samples } = context.parameters;
  const target = winnersOf(spec, input.features, context.layer) / groups.n;
  return {
    chosen,
    keys,
    threshold,
    uses: [input.data, keys, ...(factors ? [factors] : []), ...buffersOf(chosen)],
    run(n) {
      if (factors) exports.kwta_boosts(c, shares.data.pointer, target, boost.strength, factors.pointer);
      if (keys !== input.data) {
        const pointers = [input.data.pointer, factors?.pointer ?? 0, by === 'magnitude', keys.pointer] as const;
        exports.kwta_keys(n * h * w, c, ...pointers);
      }
      const bad = exports.kwta_grouped_forward(
        n,
        h * w,
        c,
        chosen.capacity,
        scopes.indexOf(scope),
        input.data.pointer,
        keys.pointer,
        k,
        ties === 'keep',
        chosen.start.pointer,
        chosen.channel.pointer,
        chosen.value.pointer,
      );
      checkNumbers(bad, context.layer);
      if (!boost || context.mode === 'eval' || !context.state.updateRunning) return;
      const state = [shares.data.pointer, samples.data.pointer] as const;
      exports.kwta_update_duty_cycle(...compressedArguments(n, chosen), boost.period, ...state);
    },
    thresholds: (n) => exports.kwta_thresholds(n, h * w, c, scopes.indexOf(scope), keys.pointer, k, threshold.pointer),
    choice: { kind: 'kwta', input: { ...input, data: keys }, chosen, k, scope, factors },
  };
}

/** The mask that forward chose: the gradient is zero elsewhere, and stays compressed. */
function maskStep({ chosen, uses, run, choice }: Selection, { by }: KwtaSpec, context: BuildContext): Step {
  return {
    output: chosen,
    uses,
    run,
    backward(dy) {
      return { inputs: [dy], uses: [], run: () => {} };
    },
    choice,
    tangent: by === 'magnitude' ? by : (inputs) => gathered(denseInput(inputs), chosen, context),
  };
}

/** The values of `dx` at the winners. */
function gathered(dx: DenseValue, winners: CompressedValue, context: BuildContext) {
  const output = entriesOf(context, winners);
  const run = (n: number): void =>
    context.kernels.exports.sparse_gather(...compressedArguments(n, output), dx.data.pointer, output.value.pointer);
  return { output, uses: [dx.data, ...buffersOf(output)], run };
}

/** The same held dense. */
function expanded(kept: ReturnType<typeof gathered>, context: BuildContext): TangentStep {
  const { features, value } = kept.output;
  const output = denseValue(context, features);
  return {
    output,
    uses: [...kept.uses, output.data],
    run(n) {
      kept.run(n);
      context.kernels.exports.sparse_densify(
        ...compressedArguments(n, kept.output),
        value.pointer,
        output.data.pointer,
      );
    },
  };
}

/**
 * Surrogate gradients for attackers (BPDA, Athalye et al. 2018). They reach losers too, so the output is
 * held dense and the layer behind computes its whole input gradient.
 */
function surrogateStep(spec: KwtaSpec, input: DenseValue, selection: Selection, context: BuildContext): Step {
  const { exports } = context.kernels;
  const { chosen, keys, threshold } = selection;
  const output = denseValue(context, input.features);
  const { c, h, w } = input.features;
  const length = featureSize(input.features);
  return {
    output,
    uses: [...selection.uses, output.data, threshold],
    run(n) {
      selection.run(n);
      exports.sparse_densify(...compressedArguments(n, chosen), chosen.value.pointer, output.data.pointer);
      selection.thresholds(n);
    },
    backward(dy) {
      if (spec.backward === 'identity') return { inputs: [dy], uses: [], run: () => {} };
      const whole = denseGradient(context, dy, input.features);
      const dx = context.buffer(context.batch * length);
      return {
        inputs: [{ kind: 'dense', data: dx }],
        uses: [keys, threshold, dx, ...whole.uses],
        run(n) {
          whole.prepare(n);
          exports.softmask_backward(
            n,
            h * w,
            c,
            scopes.indexOf(spec.scope),
            keys.pointer,
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
    choice: selection.choice,
    tangent:
      spec.by === 'magnitude' ? spec.by : (inputs) => expanded(gathered(denseInput(inputs), chosen, context), context),
  };
}

/** The duty cycle of each channel, and over how many samples it was taken. */
function dutyCycle(name: string, shape: number[]): ParameterSpec {
  return { name, shape, layout: 'plain', trainable: false, initial: { constant: 0 } };
}

/** k-WTA (Xiao, Zhong & Zheng 2020). */
export const kwtaRule: OpRule<KwtaSpec> = {
  shape(spec, [input], layer) {
    winnersOf(spec, input, layer);
    return input;
  },
  parameters: ({ boost }, { c }) => (boost ? [dutyCycle('duty_cycle', [c]), dutyCycle('duty_samples', [1])] : []),
};

export const kwta: Op<KwtaSpec> = {
  build(spec, inputs, context) {
    const input = denseInput(inputs);
    const { scope, by, boost } = spec;
    const own = winnersOf(spec, input.features, context.layer);
    const more = boost !== undefined && context.mode === 'eval' ? winners(boost.inferenceFactor, own) : own;
    const k = Math.min(more, groupsOf(spec, input.features).n);
    const select = scope === 'layer' && by === 'value' && !boost ? plainSelection : groupedSelection;
    const selection = select(k, spec, input, context);
    return spec.backward === 'mask'
      ? maskStep(selection, spec, context)
      : surrogateStep(spec, input, selection, context);
  },
};
