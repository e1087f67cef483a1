/**
 * Every layer, written as plainly as it can be: loops over single values in double precision, from the
 * definition and not from the kernels. Each takes a batch and gives its output and the way back.
 */
import type { ModuleSpec } from 'kwta';

/** A batch of feature maps, `[n][c][h][w]`. */
export interface Maps {
  n: number;
  c: number;
  h: number;
  w: number;
  data: Float64Array;
}

/** What a layer gives: its output, and the gradient of its input by that of its output. */
export interface Result {
  output: Maps;
  backward(dy: Float64Array): Float64Array;
}

/** What a layer may ask for. */
export interface Pass {
  mode: 'train' | 'eval';
  /** A parameter of the layer, flat, in PyTorch's order. */
  parameter(name: string): Float64Array;
  /** Where its gradient is added. */
  gradient(name: string): Float64Array;
  /** 1 for each value that dropout keeps with probability 1 - `p`. */
  kept(x: Maps, p: number): ArrayLike<number>;
  /** Rounds a term before it is added to others: not at all, or as coarsely as a test wants to know about. */
  round(term: number): number;
  /** The same for sums that an algorithm may form from other terms than the obvious ones. */
  blur(sums: Float64Array): Float64Array;
  /** Writes down a choice that decides which way the values go: a winner, a sign. */
  decide(choice: number): void;
}

type Spec<Type extends ModuleSpec['type']> = Extract<ModuleSpec, { type: Type }>;

function zeros(n: number, c: number, h: number, w: number): Maps {
  return { n, c, h, w, data: new Float64Array(n * c * h * w) };
}

/** The batch with other extents or other values. */
function like(x: Maps, data: Float64Array): Maps {
  return { ...x, data };
}

interface Window {
  kh: number;
  kw: number;
  stride: number;
  padding: number;
}

function extents(x: Maps, { kh, kw, stride, padding }: Window): { h: number; w: number } {
  return {
    h: Math.floor((x.h + 2 * padding - kh) / stride) + 1,
    w: Math.floor((x.w + 2 * padding - kw) / stride) + 1,
  };
}

/** Visits each pixel `(oy, ox)` of the output with each pixel `(iy, ix)` of its window that is not padding. */
function eachTap(
  x: Maps,
  window: Window,
  visit: (oy: number, ox: number, ky: number, kx: number, iy: number, ix: number) => void,
): void {
  const { h, w } = extents(x, window);
  for (let oy = 0; oy < h; oy++) {
    for (let ox = 0; ox < w; ox++) {
      for (let ky = 0; ky < window.kh; ky++) {
        for (let kx = 0; kx < window.kw; kx++) {
          const iy = oy * window.stride + ky - window.padding;
          const ix = ox * window.stride + kx - window.padding;
          if (iy >= 0 && iy < x.h && ix >= 0 && ix < x.w) visit(oy, ox, ky, kx, iy, ix);
        }
      }
    }
  }
}

function convolution(x: Maps, channels: number, window: Window, bias: boolean, pass: Pass): Result {
  const { h, w } = extents(x, window);
  const { kh, kw } = window;
  const y = zeros(x.n, channels, h, w);
  const weight = pass.parameter('weight');
  const taps: [to: number, from: number, tap: number][] = [];
  eachTap(x, window, (oy, ox, ky, kx, iy, ix) => taps.push([oy * w + ox, iy * x.w + ix, ky * kw + kx]));
  /** Visits each product of the sum: where it goes, the input's value, the weight. */
  const each = (visit: (to: number, from: number, tap: number) => void): void => {
    for (let n = 0; n < x.n; n++) {
      for (let o = 0; o < channels; o++) {
        for (let i = 0; i < x.c; i++) {
          const [output, input, kernel] = [
            (n * channels + o) * h * w,
            (n * x.c + i) * x.h * x.w,
            (o * x.c + i) * kh * kw,
          ];
          for (const [to, from, tap] of taps) visit(output + to, input + from, kernel + tap);
        }
      }
    }
  };
  const channelOf = (at: number): number => Math.floor(at / (h * w)) % channels;
  each((to, from, tap) => {
    y.data[to] += pass.round(weight[tap] * x.data[from]);
  });
  pass.blur(y.data);
  if (bias) {
    for (let at = 0; at < y.data.length; at++) y.data[at] += pass.round(pass.parameter('bias')[channelOf(at)]);
  }
  return {
    output: y,
    backward(dy) {
      const dx = new Float64Array(x.data.length);
      const dw = pass.gradient('weight');
      each((to, from, tap) => {
        dx[from] += pass.round(weight[tap] * dy[to]);
        dw[tap] += pass.round(x.data[from] * dy[to]);
      });
      pass.blur(dw);
      if (bias) for (let at = 0; at < dy.length; at++) pass.gradient('bias')[channelOf(at)] += pass.round(dy[at]);
      return pass.blur(dx);
    },
  };
}

function conv2d({ out, kernel, stride, padding, bias }: Spec<'conv2d'>, x: Maps, pass: Pass): Result {
  const [kh, kw] = typeof kernel === 'number' ? [kernel, kernel] : kernel;
  return convolution(x, out, { kh, kw, stride, padding }, bias, pass);
}

function linear({ out, bias }: Spec<'linear'>, x: Maps, pass: Pass): Result {
  return convolution(x, out, { kh: 1, kw: 1, stride: 1, padding: 0 }, bias, pass);
}

/** Batch norm was asked for the variance of a single value. */
export class TooFewValues extends Error {}

function batchNorm2d({ eps }: Spec<'batchNorm2d'>, x: Maps, pass: Pass): Result {
  const [weight, bias] = [pass.parameter('weight'), pass.parameter('bias')];
  const pixels = x.h * x.w;
  const count = x.n * pixels;
  const train = pass.mode === 'train';
  if (train && count < 2) throw new TooFewValues('batch norm in training needs two values per channel');
  const channels = Array.from({ length: x.c }, (_, c) => {
    const places = Array.from({ length: count }, (_, i) => (Math.floor(i / pixels) * x.c + c) * pixels + (i % pixels));
    const values = places.map((at) => pass.round(x.data[at]));
    const mean = train ? values.reduce((a, b) => a + b, 0) / count : pass.parameter('running_mean')[c];
    const squares = values.reduce((sum, value) => sum + pass.round((value - mean) ** 2), 0);
    const variance = train ? squares / count : pass.parameter('running_var')[c];
    const inverse = 1 / Math.sqrt(variance + eps);
    return { places, inverse, normal: values.map((value) => (value - mean) * inverse) };
  });
  const y = new Float64Array(x.data.length);
  for (const [c, { places, normal }] of channels.entries()) {
    for (const [i, at] of places.entries()) y[at] = weight[c] * normal[i] + pass.round(bias[c]);
  }
  return {
    output: like(x, y),
    backward(dy) {
      const dx = new Float64Array(dy.length);
      for (const [c, { places, inverse, normal }] of channels.entries()) {
        const terms = places.map((at, i) => pass.round(dy[at] * normal[i]));
        const dWeight = terms.reduce((a, b) => a + b, 0);
        const dBias = places.reduce((sum, at) => sum + pass.round(dy[at]), 0);
        pass.gradient('weight')[c] += dWeight;
        pass.gradient('bias')[c] += dBias;
        for (const [i, at] of places.entries()) {
          const shared = train ? pass.round(dBias / count) + pass.round((normal[i] * dWeight) / count) : 0;
          dx[at] = weight[c] * inverse * (pass.round(dy[at]) - shared);
        }
      }
      return dx;
    },
  };
}

/** Width of the sigmoid of `backward: 'softmask'`. */
const temperature = 0.1;

/** Places of one sample's values, in groups that share the winners. */
function groupsOf(scope: Spec<'kwta'>['scope'], { c, h, w }: Maps): number[][] {
  const all = Array.from({ length: c * h * w }, (_, i) => i);
  if (scope === 'layer') return [all];
  const groups: number[][] = Array.from({ length: scope === 'channel' ? c : h * w }, () => []);
  for (const i of all) groups[scope === 'channel' ? Math.floor(i / (h * w)) : i % (h * w)].push(i);
  return groups;
}

function kwta(spec: Spec<'kwta'>, x: Maps, pass: Pass): Result {
  const { gamma, k: given, ties, backward, scope, by, boost } = spec;
  const size = x.c * x.h * x.w;
  const groups = groupsOf(scope, x);
  const n = groups[0].length;
  // Gamma has few decimals here, so that this is exact.
  const decimal = (share: number, of: number): number => Math.floor((Math.round(share * 1e6) * of) / 1e6);
  const own = given ?? decimal(gamma as number, n);
  const k = boost && pass.mode === 'eval' ? Math.min(n, decimal(boost.inferenceFactor, own)) : own;
  const factor = (at: number): number => {
    if (!boost) return 1;
    const share = pass.parameter('duty_cycle')[Math.floor((at % size) / (x.h * x.w))];
    return Math.exp(boost.strength * (own / n - share));
  };
  const keys = x.data.map((value, at) => (by === 'magnitude' ? Math.abs(value) : value) * factor(at));
  const mask = new Float64Array(x.data.length);
  const thresholds = new Float64Array(x.data.length);
  for (let s = 0; s < x.n; s++) {
    const sample = keys.subarray(s * size, (s + 1) * size);
    for (const group of groups) {
      const order = [...group].sort((a, b) => sample[b] - sample[a] || a - b);
      const threshold = sample[order[k - 1]];
      const winners = ties === 'keep' ? order.filter((i) => sample[i] >= threshold) : order.slice(0, k);
      for (const i of winners.sort((a, b) => a - b)) {
        mask[s * size + i] = 1;
        pass.decide(i);
      }
      for (const i of group) thresholds[s * size + i] = threshold;
    }
  }
  const slope = (at: number): number => {
    if (backward === 'mask') return mask[at];
    if (backward === 'identity') return 1;
    return 1 / (1 + Math.exp(pass.round((thresholds[at] - keys[at]) / temperature)));
  };
  return {
    output: like(
      x,
      x.data.map((value, at) => value * mask[at]),
    ),
    backward: (dy) => dy.map((value, at) => value * slope(at)),
  };
}

function relu(_spec: Spec<'relu'>, x: Maps, pass: Pass): Result {
  const positive = x.data.map((value) => Number(value > 0));
  for (const choice of positive) pass.decide(choice);
  return {
    output: like(
      x,
      x.data.map((value, at) => value * positive[at]),
    ),
    backward: (dy) => dy.map((value, at) => value * positive[at]),
  };
}

/** An activation of each value by itself, with its derivative. */
function pointwise(x: Maps, value: (x: number) => number, slope: (x: number) => number): Result {
  return { output: like(x, x.data.map(value)), backward: (dy) => dy.map((d, at) => d * slope(x.data[at])) };
}

/** One that has a kink at zero. */
function kinked(x: Maps, pass: Pass, value: (x: number) => number, slope: (x: number) => number): Result {
  for (const v of x.data) pass.decide(Number(v > 0));
  return pointwise(
    x,
    (v) => (v > 0 ? v : value(v)),
    (v) => (v > 0 ? 1 : slope(v)),
  );
}

function leakyRelu({ slope }: Spec<'leakyRelu'>, x: Maps, pass: Pass): Result {
  return kinked(
    x,
    pass,
    (v) => slope * v,
    () => slope,
  );
}

function elu({ alpha }: Spec<'elu'>, x: Maps, pass: Pass): Result {
  return kinked(
    x,
    pass,
    (v) => alpha * Math.expm1(v),
    (v) => alpha * Math.exp(v),
  );
}

function silu(_spec: Spec<'silu'>, x: Maps): Result {
  const sigmoid = (v: number): number => 1 / (1 + Math.exp(-v));
  return pointwise(
    x,
    (v) => v * sigmoid(v),
    (v) => sigmoid(v) * (1 + v * (1 - sigmoid(v))),
  );
}

/** The standard normal distribution function, by a series whose terms are all of one sign. */
function normalDistribution(x: number): number {
  if (Math.abs(x) > 8) return Number(x > 0);
  let [term, sum] = [x, 0];
  for (let odd = 3; sum + term !== sum; odd += 2) {
    sum += term;
    term *= (x * x) / odd;
  }
  return 0.5 + normalDensity(x) * sum;
}

function normalDensity(x: number): number {
  return Math.exp(-(x * x) / 2) / Math.sqrt(2 * Math.PI);
}

function gelu(_spec: Spec<'gelu'>, x: Maps): Result {
  return pointwise(
    x,
    (v) => v * normalDistribution(v),
    (v) => normalDistribution(v) + v * normalDensity(v),
  );
}

/** Normalisation of each sample in groups of channels; weight and bias by channel, or by value. */
function sampleNorm(x: Maps, groups: number, eps: number, byValue: boolean, pass: Pass): Result {
  const [weight, bias] = [pass.parameter('weight'), pass.parameter('bias')];
  const pixels = x.h * x.w;
  const size = x.c * pixels;
  const count = size / groups;
  const parameterOf = (at: number): number => (byValue ? at % size : Math.floor(at / pixels) % x.c);
  // Groups are contiguous in [n][c][h][w].
  const parts = Array.from({ length: x.n * groups }, (_, part) => {
    const values = x.data.slice(part * count, (part + 1) * count).map(pass.round);
    const mean = values.reduce((a, b) => a + b, 0) / count;
    const variance = values.reduce((sum, value) => sum + pass.round((value - mean) ** 2), 0) / count;
    const inverse = 1 / Math.sqrt(variance + eps);
    return { inverse, normal: values.map((value) => (value - mean) * inverse) };
  });
  const y = new Float64Array(x.data.length);
  for (const [part, { normal }] of parts.entries()) {
    for (const [i, value] of normal.entries()) {
      const at = part * count + i;
      y[at] = weight[parameterOf(at)] * value + pass.round(bias[parameterOf(at)]);
    }
  }
  return {
    output: like(x, y),
    backward(dy) {
      const dx = new Float64Array(dy.length);
      for (const [part, { inverse, normal }] of parts.entries()) {
        const scaled = normal.map((_, i) => pass.round(dy[part * count + i] * weight[parameterOf(part * count + i)]));
        const share = scaled.reduce((a, b) => a + b, 0) / count;
        const slope = scaled.reduce((sum, value, i) => sum + pass.round(value * normal[i]), 0) / count;
        for (const [i, value] of scaled.entries()) {
          const at = part * count + i;
          dx[at] = inverse * (value - pass.round(share) - pass.round(normal[i] * slope));
          pass.gradient('weight')[parameterOf(at)] += pass.round(dy[at] * normal[i]);
          pass.gradient('bias')[parameterOf(at)] += pass.round(dy[at]);
        }
      }
      return dx;
    },
  };
}

function groupNorm({ groups, eps }: Spec<'groupNorm'>, x: Maps, pass: Pass): Result {
  return sampleNorm(x, groups, eps, false, pass);
}

function layerNorm({ eps }: Spec<'layerNorm'>, x: Maps, pass: Pass): Result {
  return sampleNorm(x, 1, eps, true, pass);
}

function maxPool2d({ kernel, stride, padding }: Spec<'maxPool2d'>, x: Maps, pass: Pass): Result {
  const window = { kh: kernel, kw: kernel, stride, padding };
  const { h, w } = extents(x, window);
  const y = zeros(x.n, x.c, h, w);
  const from = new Int32Array(y.data.length).fill(-1);
  for (let map = 0; map < x.n * x.c; map++) {
    eachTap(x, window, (oy, ox, _ky, _kx, iy, ix) => {
      const [to, at] = [(map * h + oy) * w + ox, (map * x.h + iy) * x.w + ix];
      if (from[to] < 0 || x.data[at] > x.data[from[to]]) from[to] = at;
    });
  }
  for (const [to, at] of from.entries()) {
    y.data[to] = x.data[at];
    pass.decide(at);
  }
  return {
    output: y,
    backward(dy) {
      const dx = new Float64Array(x.data.length);
      for (const [to, at] of from.entries()) dx[at] += pass.round(dy[to]);
      return dx;
    },
  };
}

function average(x: Maps, window: Window, divisor: number, pass: Pass): Result {
  const { h, w } = extents(x, window);
  const y = zeros(x.n, x.c, h, w);
  const each = (visit: (to: number, at: number) => void): void => {
    for (let map = 0; map < x.n * x.c; map++) {
      eachTap(x, window, (oy, ox, _ky, _kx, iy, ix) => {
        visit((map * h + oy) * w + ox, (map * x.h + iy) * x.w + ix);
      });
    }
  };
  each((to, at) => {
    y.data[to] += pass.round(x.data[at] / divisor);
  });
  return {
    output: y,
    backward(dy) {
      const dx = new Float64Array(x.data.length);
      each((to, at) => {
        dx[at] += pass.round(dy[to] / divisor);
      });
      return dx;
    },
  };
}

function avgPool2d({ kernel, stride, padding }: Spec<'avgPool2d'>, x: Maps, pass: Pass): Result {
  return average(x, { kh: kernel, kw: kernel, stride, padding }, kernel * kernel, pass);
}

function globalAvgPool2d(_spec: Spec<'globalAvgPool2d'>, x: Maps, pass: Pass): Result {
  return average(x, { kh: x.h, kw: x.w, stride: 1, padding: 0 }, x.h * x.w, pass);
}

function flatten(_spec: Spec<'flatten'>, x: Maps): Result {
  return { output: { ...x, c: x.c * x.h * x.w, h: 1, w: 1 }, backward: (dy) => dy };
}

function dropout({ p }: Spec<'dropout'>, x: Maps, pass: Pass): Result {
  if (pass.mode === 'eval' || p === 0) return { output: x, backward: (dy) => dy };
  const kept = pass.kept(x, p);
  const drop = (values: Float64Array): Float64Array => values.map((value, at) => (value * kept[at]) / (1 - p));
  return { output: like(x, drop(x.data)), backward: drop };
}

function normalize({ mean, std }: Spec<'normalize'>, x: Maps, pass: Pass): Result {
  const channelOf = (at: number): number => Math.floor(at / (x.h * x.w)) % x.c;
  return {
    output: like(
      x,
      x.data.map((value, at) => (pass.round(value) - mean[channelOf(at)]) / std[channelOf(at)]),
    ),
    backward: (dy) => dy.map((value, at) => value / std[channelOf(at)]),
  };
}

/** A module that is not a container. */
type LayerSpec = Exclude<ModuleSpec, { type: 'sequential' | 'residual' | 'concat' }>;

/** By type; a layer of the package that is missing here is a type error. */
const layers: { [Type in LayerSpec['type']]: (spec: Spec<Type>, x: Maps, pass: Pass) => Result } = {
  avgPool2d,
  batchNorm2d,
  conv2d,
  dropout,
  elu,
  flatten,
  gelu,
  globalAvgPool2d,
  groupNorm,
  kwta,
  layerNorm,
  leakyRelu,
  linear,
  maxPool2d,
  normalize,
  relu,
  silu,
};

export const layerTypes: readonly string[] = Object.keys(layers);

/** Runs the layer that `spec` describes. */
export function layer(spec: LayerSpec, x: Maps, pass: Pass): Result {
  const compute = layers[spec.type] as (spec: LayerSpec, x: Maps, pass: Pass) => Result;
  return compute(spec, x, pass);
}
