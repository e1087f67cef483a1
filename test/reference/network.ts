/**
 * A whole network, from its description and its parameters: logits, and by reverse mode the gradients of a
 * loss. Slow and in double precision; what the package computes must be this, up to the rounding of float32.
 */
import type { Loss, ModelSpec, ModuleSpec, Tensor } from 'kwta';
import { layer, type Maps, type Pass, type Result } from './layers.js';

/** How sums are rounded; see {@link Pass}. */
export type Rounding = Pick<Pass, 'round' | 'blur'>;

/** In double precision. */
export const exact: Rounding = { round: (term) => term, blur: (sums) => sums };

/** Every term of a sum is moved by up to `amount` of itself, every sum of a convolution by as much of their size. */
export function shaken(seed: number, amount: number): Rounding {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  const random = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 31 - 1;
  };
  return {
    round: (term) => term * (1 + amount * random()),
    blur(sums) {
      const scale = amount * rootMeanSquare(sums);
      for (let i = 0; i < sums.length; i++) sums[i] += scale * random();
      return sums;
    },
  };
}

export function rootMeanSquare(values: ArrayLike<number>): number {
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += values[i] ** 2;
  return Math.sqrt(squares / Math.max(values.length, 1));
}

/** What differs from run to run of one network. */
export interface Run {
  mode: Pass['mode'];
  rounding: Rounding;
  /** Values that dropout keeps, by the number of its layer in the order of computation. */
  kept(layer: number, x: Maps, p: number): ArrayLike<number>;
}

export interface Outcome {
  logits: Maps;
  /** Winners and signs, in the order in which they were decided. */
  decisions: number[];
  /** Gradients by the input and, named as in the state dict, by the parameters. */
  backward(dLogits: Float64Array): { input: Float64Array; parameters: Record<string, Float64Array> };
}

/** Runs `spec` with the parameters `state` on `x`. */
export function run(spec: ModelSpec, state: Record<string, Tensor>, x: Tensor, how: Run): Outcome {
  const decisions: number[] = [];
  const gradients: Record<string, Float64Array> = {};
  for (const [name, { data }] of Object.entries(state)) {
    if (!/running_|duty_/.test(name)) gradients[name] = new Float64Array(data.length);
  }
  const parameters = new Map(Object.entries(state).map(([name, { data }]) => [name, Float64Array.from(data)]));
  let computed = 0;

  const passOf = (name: string): Pass => {
    const number = computed++;
    return {
      ...how.rounding,
      mode: how.mode,
      parameter: (own) => parameters.get(`${name}.${own}`) as Float64Array,
      gradient: (own) => gradients[`${name}.${own}`],
      kept: (values, p) => how.kept(number, values, p),
      decide: (choice) => decisions.push(choice),
    };
  };

  const sequence = (modules: ModuleSpec[], prefix: string, input: Maps): Result => {
    const results: Result[] = [];
    let output = input;
    for (const [i, module] of modules.entries()) {
      const result = moduleResult(module, `${prefix}${i}`, output);
      results.push(result);
      output = result.output;
    }
    return { output, backward: (dy) => results.reduceRight((gradient, { backward }) => backward(gradient), dy) };
  };

  /** Channels of all branches side by side. */
  const side = (branches: Result[]): Result => {
    // Each joins two of them.
    computed += branches.length - 1;
    const { n, h, w } = branches[0].output;
    const sizes = branches.map(({ output }) => output.c * h * w);
    const size = sizes.reduce((a, b) => a + b, 0);
    const data = new Float64Array(n * size);
    const firsts = sizes.map((_, i) => sizes.slice(0, i).reduce((a, b) => a + b, 0));
    for (let s = 0; s < n; s++) {
      for (const [i, { output }] of branches.entries()) {
        data.set(output.data.subarray(s * sizes[i], (s + 1) * sizes[i]), s * size + firsts[i]);
      }
    }
    return {
      output: { n, c: size / (h * w), h, w, data },
      backward(dy) {
        const gradients = branches.map(({ backward }, i) =>
          backward(
            Float64Array.from({ length: n * sizes[i] }, (_, at) => {
              const [s, place] = [Math.floor(at / sizes[i]), at % sizes[i]];
              return dy[s * size + firsts[i] + place];
            }),
          ),
        );
        const { round } = how.rounding;
        return gradients.reduce((sum, gradient) => sum.map((value, i) => round(value) + round(gradient[i])));
      },
    };
  };

  const moduleResult = (module: ModuleSpec, name: string, input: Maps): Result => {
    switch (module.type) {
      case 'sequential':
        return sequence(module.layers, `${name}.`, input);
      case 'residual': {
        const main = sequence(module.main, `${name}.main.`, input);
        const shortcut = sequence(module.shortcut, `${name}.shortcut.`, input);
        computed++;
        const { round } = how.rounding;
        const sum = (a: Float64Array, b: Float64Array): Float64Array => a.map((value, i) => round(value) + round(b[i]));
        return {
          output: { ...main.output, data: sum(main.output.data, shortcut.output.data) },
          backward: (dy) => sum(main.backward(dy), shortcut.backward(dy)),
        };
      }
      case 'concat':
        return side(module.branches.map((branch, i) => sequence(branch, `${name}.${i}.`, input)));
      default:
        return layer(module, input, passOf(name));
    }
  };

  const [n, c, h, w] = x.shape;
  const { output, backward } = sequence(spec.layers, '', { n, c, h, w, data: Float64Array.from(x.data) });
  return {
    logits: output,
    decisions,
    backward(dLogits) {
      const input = backward(dLogits);
      return { input, parameters: gradients };
    },
  };
}

/**
 * Loss of each sample, and the gradient of their sum by the logits.
 *
 * @param decide takes down which logits were compared, in the order of their size.
 */
export function losses(
  loss: Loss,
  { n, c, data }: Maps,
  labels: ArrayLike<number>,
  { round }: Rounding,
  decide: (choice: number) => void,
): { values: Float64Array; gradient: Float64Array } {
  const values = new Float64Array(n);
  const gradient = new Float64Array(n * c);
  for (let s = 0; s < n; s++) {
    const z = data.subarray(s * c, (s + 1) * c).map(round);
    const d = gradient.subarray(s * c, (s + 1) * c);
    const y = labels[s];
    if (loss === 'crossEntropy') {
      const largest = Math.max(...z);
      const total = z.reduce((sum, value) => sum + Math.exp(value - largest), 0);
      values[s] = round(Math.log(total) + largest) - z[y];
      for (let j = 0; j < c; j++) d[j] = round(Math.exp(z[j] - largest) / total) - Number(j === y);
      continue;
    }
    const order = Array.from(z.keys()).sort((a, b) => z[b] - z[a] || a - b);
    const other = order.find((j) => j !== y) as number;
    const margin = round(z[other] - z[y]);
    if (loss === 'margin') {
      decide(other);
      values[s] = margin;
      d[other] = 1;
      d[y] = -1;
      continue;
    }
    const [first, , third] = order;
    for (const choice of [other, first, third]) decide(choice);
    const spread = z[first] - z[third] + 1e-12;
    values[s] = margin / spread;
    d[other] += 1 / spread;
    d[y] -= 1 / spread;
    d[first] -= margin / spread ** 2;
    d[third] += margin / spread ** 2;
  }
  return { values, gradient };
}
