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

function kwta({ gamma, k: given, ties, backward }: Spec<'kwta'>, x: Maps, pass: Pass): Result {
  const size = x.c * x.h * x.w;
  // Gamma has few decimals here, so that this is exact.
  const k = given ?? Math.floor((Math.round((gamma as number) * 1e6) * size) / 1e6);
  const mask = new Float64Array(x.data.length);
  const thresholds = Array.from({ length: x.n }, (_, n) => {
    const sample = x.data.subarray(n * size, (n + 1) * size);
    const order = Array.from(sample.keys()).sort((a, b) => sample[b] - sample[a] || a - b);
    const threshold = sample[order[k - 1]];
    const winners = ties === 'keep' ? order.filter((i) => sample[i] >= threshold) : order.slice(0, k);
    for (const i of winners.sort((a, b) => a - b)) {
      mask[n * size + i] = 1;
      pass.decide(i);
    }
    return threshold;
  });
  const slope = (at: number): number => {
    if (backward === 'mask') return mask[at];
    if (backward === 'identity') return 1;
    return 1 / (1 + Math.exp(pass.round((thresholds[Math.floor(at / size)] - x.data[at]) / temperature)));
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
type LayerSpec = Exclude<ModuleSpec, { type: 'sequential' | 'residual' }>;

/** By type; a layer of the package that is missing here is a type error. */
const layers: { [Type in LayerSpec['type']]: (spec: Spec<Type>, x: Maps, pass: Pass) => Result } = {
  avgPool2d,
  batchNorm2d,
  conv2d,
  dropout,
  flatten,
  globalAvgPool2d,
  kwta,
  linear,
  maxPool2d,
  normalize,
  relu,
};

export const layerTypes: readonly string[] = Object.keys(layers);

/** Runs the layer that `spec` describes. */
export function layer(spec: LayerSpec, x: Maps, pass: Pass): Result {
  const compute = layers[spec.type] as (spec: LayerSpec, x: Maps, pass: Pass) => Result;
  return compute(spec, x, pass);
}
