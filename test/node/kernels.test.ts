/**
 * The exports themselves, beneath every check in TypeScript: sizes without sense and addresses outside of memory are
 * errors, never writes, and the steps of attacks have the bits of the same loops in JavaScript.
 */
import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { wasmUrl } from '../../dist/kernels/files.js';
import type { Exports, Kernels } from '../../dist/kernels/kernels.js';
import { loadKernels, takePanicMessage } from '../../dist/kernels/load.js';
import { noise } from '../contract/support.js';

let kernels: Kernels;
/** A block that every call below is given, as input and output. */
let block: number;
const length = 4096;

beforeAll(async () => {
  const module = await WebAssembly.compile(await readFile(wasmUrl('simd')));
  kernels = await loadKernels('simd', module);
  block = kernels.allocate(length * 4, 'the test');
});

describe('sizes from outside', () => {
  /** Ones of a 3x3 convolution of 8x8 images. */
  const sizes = { n: 1, h: 8, w: 8, cIn: 2, cOut: 2, kh: 3, kw: 3, stride: 1, padding: 1 };
  const conv = (change: Partial<typeof sizes>) => Object.values({ ...sizes, ...change });
  const pool = (change: object) =>
    Object.values({ n: 1, h: 8, w: 8, c: 2, kernel: 2, stride: 2, padding: 0, ...change });
  const p = () => block;
  /** Each with a word of the message. */
  const calls: [name: keyof Exports, args: () => number[], message: string][] = [
    ['conv2d_forward', () => [...conv({ stride: 0 }), p(), p(), 0, p()], 'stride'],
    ['conv2d_forward', () => [...conv({ kh: 0 }), p(), p(), 0, p()], 'kernel'],
    ['conv2d_forward', () => [...conv({ kh: 11 }), p(), p(), 0, p()], 'kernel'],
    ['conv2d_forward', () => [...conv({ padding: -1 }), p(), p(), 0, p()], 'kernel'],
    ['conv2d_forward', () => [...conv({ n: 65536, h: 65536 }), p(), p(), 0, p()], 'sizes'],
    ['conv2d_forward', () => [...conv({ cOut: 2 ** 28 }), p(), p(), 0, p()], 'sizes'],
    ['conv2d_forward', () => [...conv({}), p() + 1, p(), 0, p()], 'x: 128 values at address'],
    ['conv2d_forward', () => [...conv({}), 0, p(), 0, p()], 'x: 128 values at address 0'],
    ['conv2d_forward', () => [...conv({}), p(), p(), 2 ** 32 - 4, p()], 'bias'],
    ['conv2d_forward', () => [...conv({}), p(), p(), 0, 2 ** 32 - 64], 'y: 128 values'],
    ['conv2d_input_gradient', () => [...conv({ stride: 0 }), p(), p(), p()], 'stride'],
    ['conv2d_weight_gradient', () => [...conv({ kw: 0 }), p(), p(), p()], 'kernel'],
    ['conv2d_bias_gradient', () => [65536, 65536, p(), p()], 'sizes'],
    ['rectified_conv2d_forward', () => [...conv({ stride: 0 }), p(), p(), 0, p(), 1], 'stride'],
    ['rectified_conv2d_gradients', () => [...conv({ kw: 40 }), p(), p(), p(), p(), p()], 'kernel'],
    ['sparse_conv2d_forward', () => [...conv({ stride: 0 }), 10, p(), p(), p(), p(), 0, p()], 'stride'],
    ['sparse_conv2d_forward', () => [...conv({ n: 2 ** 20 }), 2 ** 14, p(), p(), p(), p(), 0, p()], 'sizes'],
    ['sparse_conv2d_gradients', () => [...conv({ kh: 12 }), 10, p(), p(), p(), p(), p(), p(), p()], 'kernel'],
    ['sparse_densify', () => [2 ** 16, 2 ** 16, 2, 1, p(), p(), p(), p()], 'sizes'],
    ['sparse_gather', () => [1, 8, 2, 2 ** 30, p(), p(), p(), p()], 'sizes'],
    ['max_pool2d_forward', () => [...pool({ stride: 0 }), p(), p(), p()], 'stride'],
    ['max_pool2d_backward', () => [...pool({ kernel: 9 }), p(), p(), p()], 'kernel'],
    ['avg_pool2d_forward', () => [...pool({ padding: 3 }), p(), p()], 'padding'],
    ['avg_pool2d_backward', () => [...pool({ n: 2 ** 28 }), p(), p()], 'sizes'],
    ['global_average_forward', () => [2 ** 12, 2 ** 12, 2 ** 12, p(), p()], 'sizes'],
    ['kwta_forward', () => [1, 8, 2, 16, p(), 0, 0, p(), p(), p()], 'k: 0 of 16'],
    ['kwta_forward', () => [1, 8, 2, 16, p(), 17, 0, p(), p(), p()], 'k: 17 of 16'],
    ['kwta_forward', () => [1, 8, 2, 3, p(), 4, 0, p(), p(), p()], 'capacity'],
    ['losses', () => [3, 1, 4, p(), p(), p()], 'loss'],
    ['losses', () => [0, 2 ** 16, 2 ** 16, p(), p(), p()], 'sizes'],
    ['loss_gradient', () => [0, 1, 1, p(), p(), 1, p()], 'labels[0] must be below 1'],
    ['matmul', () => [2 ** 16, 2, 2 ** 16, p(), 0, p(), 0, p()], 'sizes'],
    ['batch_norm_eval_forward', () => [2 ** 16, 2 ** 16, p(), p(), p(), 1, p(), p(), p()], 'sizes'],
    ['relu_forward', () => [2 ** 30, p(), p()], 'x'],
    ['relu_forward', () => [-1, p(), p()], 'x'],
    ['nchw_to_nhwc', () => [2 ** 8, 2 ** 8, 2 ** 8, 2 ** 8, p(), p()], 'sizes'],
    ['normal', () => [1, 0, 0, 0, 2 ** 30, p()], 'out'],
    ['antithetic_queries', () => [1, 0, 0, 0, 2 ** 22, 2 ** 10, 1, p(), p(), p()], 'sizes'],
    ['antithetic_sum', () => [1, 8, p(), p(), p() + 4], 'sums'],
    ['linf_step', () => [2 ** 28, p(), p(), p(), 1, 1], 'adversarial'],
    ['l2_step', () => [2 ** 12, 2 ** 12, 2 ** 12, p(), p(), p(), 1, 1], 'sizes'],
    ['sgd_step', () => [8, p(), p() + 2, p(), 1, 0, 0, 0], 'gradient'],
  ];

  it.each(calls)('%s %#', (name, args, message) => {
    // Labels, and the starts of a pattern, of all sizes.
    const view = kernels.u32(block, length).fill(1);
    const call = kernels.exports[name] as (...args: number[]) => unknown;
    expect(() => call(...args())).toThrow(WebAssembly.RuntimeError);
    expect(takePanicMessage()).toContain(message);
    expect(view.every((value) => value === 1)).toBe(true);
  });

  it('a loss of too few classes is NaN', () => {
    const [logits, labels, out] = [block, block + 64, block + 128];
    kernels.u32(labels, 1)[0] = 0;
    kernels.f32(logits, 1)[0] = 0.5;
    kernels.exports.losses(1, 1, 1, logits, labels, out);
    expect(kernels.f32(out, 1)[0]).toBeNaN();
  });
});

describe('attacks have the bits of JavaScript', () => {
  const size = 60;
  const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1, 1e-40, 0.3];

  /** `count` values in memory, with the special ones in some of the places. */
  function values(at: number, seed: number, count: number, specials: boolean): Float32Array {
    const view = kernels.f32(block + at * 4, count);
    view.set(noise(seed, count).map((v, i) => (specials && (i * seed) % 5 === 0 ? special[i % special.length] : v)));
    return view;
  }

  const sign = (v: number) => (Number.isNaN(v) ? v : Number(v > 0) - Number(v < 0));
  const box = (all: Float32Array) => all.map((v) => Math.min(Math.max(v, 0), 1));

  it.each([false, true])('linf_step, special values: %s', (specials) => {
    for (const [step, epsilon] of [
      [2 / 255, 8 / 255],
      [0.7, 0.1],
      [-0.1, 0],
    ]) {
      const [a, g, x] = [1, 2, 3].map((i) => values(i * 1000, i, size, specials));
      const moved = a.map((v, i) => v + step * sign(g[i]));
      const expected = box(moved.map((v, i) => Math.min(Math.max(v, x[i] - epsilon), x[i] + epsilon)));
      kernels.exports.linf_step(size, a.byteOffset, g.byteOffset, x.byteOffset, step, epsilon);
      expect(a).toEqual(expected);
    }
  });

  it.each([false, true])('l2_step, special values: %s', (specials) => {
    const length = (all: Float32Array) => Math.sqrt(all.reduce((sum, v) => sum + v * v, 0));
    for (const [step, epsilon] of [
      [0.2, 0.5],
      [5, 0.1],
      [0, 0],
    ]) {
      const [a, g, x] = [1, 2, 3].map((i) => values(i * 1000, i, size, specials));
      const norm = length(g);
      const moved = norm === 0 ? a.slice() : a.map((v, i) => v + (step * g[i]) / norm);
      const distance = Math.fround(length(moved.map((v, i) => v - x[i])));
      const inside = distance <= epsilon ? moved : moved.map((v, i) => x[i] + (v - x[i]) * (epsilon / distance));
      const expected = box(inside);
      kernels.exports.l2_step(1, size, 1, a.byteOffset, g.byteOffset, x.byteOffset, step, epsilon);
      expect(a).toEqual(expected);
    }
  });

  it('antithetic queries and sums', () => {
    const [pairs, first, sigma] = [7, 3, 8 / 255];
    const point = values(0, 1, size, false);
    const directions = kernels.f32(block + 1000 * 4, pairs * size);
    const queries = kernels.f32(block + 2000 * 4, 2 * pairs * size);
    const stream = kernels.f32(block + 3000 * 4, (first + pairs) * size);
    kernels.exports.normal(9, 5, 4, 0, stream.length, stream.byteOffset);
    const sizes = [first, pairs, size] as const;
    kernels.exports.antithetic_queries(
      9,
      5,
      4,
      ...sizes,
      sigma,
      point.byteOffset,
      directions.byteOffset,
      queries.byteOffset,
    );
    expect(directions).toEqual(stream.subarray(first * size));
    const offsets = Float64Array.from(directions, (v) => sigma * v);
    expect(queries.subarray(0, pairs * size)).toEqual(Float32Array.from(offsets, (v, i) => point[i % size] + v));
    expect(queries.subarray(pairs * size)).toEqual(Float32Array.from(offsets, (v, i) => point[i % size] - v));

    const weights = new Float64Array(kernels.memory.buffer, block + 2000 * 4, pairs);
    const sums = new Float64Array(kernels.memory.buffer, block + 3000 * 4, size).fill(0.1);
    weights.set(noise(4, pairs).map((v) => v / 3));
    const expected = Float64Array.from(sums, (sum, i) => {
      let total = sum;
      for (let pair = 0; pair < pairs; pair++) total += weights[pair] * directions[pair * size + i];
      return total;
    });
    kernels.exports.antithetic_sum(pairs, size, weights.byteOffset, directions.byteOffset, sums.byteOffset);
    expect(sums).toEqual(expected);
  });

  it('noise is that of a stream of its number', () => {
    const [whole, part] = [kernels.f32(block, 100), kernels.f32(block + 400, 60)];
    kernels.exports.normal(3, 2, 1, 0, 100, whole.byteOffset);
    kernels.exports.normal(3, 2, 1, 40, 60, part.byteOffset);
    expect(part).toEqual(whole.subarray(40));
    expect(whole.every((v) => Math.abs(v) < 5.8)).toBe(true);
    kernels.exports.normal(3, 1, 2, 40, 60, part.byteOffset);
    expect(part).not.toEqual(whole.subarray(40));
  });
});
