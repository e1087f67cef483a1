/** Tasks on the package's raw kernels: what its layers call, on a team of threads, without the layers. */
import { buildGraph } from '../../dist/graph/graph.js';
import { Parameters } from '../../dist/graph/parameters.js';
import { nn } from '../../dist/index.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { createSharedMemory } from '../../dist/kernels/memory.js';
import { NCHW_TO_NHWC, NHWC_TO_NCHW, transpose } from './layout.mjs';

/**
 * @typedef {import('../../dist/kernels/kernels.js').Kernels} Kernels
 * @typedef {import('./conversation.mjs').Spec} Spec
 * @typedef {import('./conversation.mjs').Read} Read
 * @typedef {import('./conversation.mjs').Variants} Variants
 */

/**
 * Kernels in this thread with `threads - 1` more to help.
 * @param {import('../../dist/platform/platform.js').Platform} platform
 * @param {import('../../dist/platform/platform.js').WorkerProgram} program of the workers
 * @param {import('../../dist/index.js').Variant} variant
 * @param {number} threads
 */
export async function startKernels(platform, program, variant, threads) {
  const module = await platform.compile(wasmUrl(variant));
  const memory = createSharedMemory();
  const kernels = loadKernels(variant, module, memory);
  const role = /** @type {const} */ ({ role: 'team', variant, module, memory });
  const fail = (/** @type {string} */ reason) => {
    throw new Error(reason);
  };
  await Promise.all(
    Array.from({ length: threads - 1 }, () => platform.spawn('a worker of the team', program, role, fail)),
  );
  kernels.exports.start_team(threads, threads > platform.concurrency());
  return kernels;
}

/** Memory of one task, given back before the next. */
class Arena {
  /** @type {[pointer: number, bytes: number][]} */
  #blocks = [];
  /** @type {Parameters | undefined} */
  #parameters;

  /** @param {Kernels} kernels */
  constructor(kernels) {
    this.kernels = kernels;
  }

  release() {
    for (const [pointer, bytes] of this.#blocks.splice(0)) this.kernels.free(pointer, bytes);
    this.#parameters?.dispose();
    this.#parameters = undefined;
  }

  /**
   * Weights of a convolution, with room for their gradient, in the order that the kernels want.
   * @param {Spec} spec
   * @param {Float32Array} data
   */
  convolution({ out, kernel, stride, padding, h, w, ...spec }, data) {
    const layer = nn.conv2d({ name: 'conv', out, kernel, stride, padding, bias: false });
    const parameters = new Parameters(this.kernels, buildGraph(nn.sequential([layer], { input: [spec.in, h, w] })));
    this.#parameters = parameters;
    parameters.needGradients();
    parameters.write({ 'conv.weight': { shape: [out, spec.in, kernel, kernel], data } });
    const weight = parameters.byName.get('conv.weight');
    if (!weight) throw new Error('the convolution has no weight');
    return { ...weight, readGradient: () => parameters.read('gradient')['conv.weight'].data };
  }

  /** @param {number} length */
  reserve(length) {
    const pointer = this.kernels.allocate(4 * length, 'bench');
    this.#blocks.push([pointer, 4 * length]);
    return pointer;
  }

  /** @param {Float32Array} data */
  copyIn(data) {
    const pointer = this.reserve(data.length);
    this.kernels.f32(pointer, data.length).set(data);
    return pointer;
  }
}

/**
 * @param {Kernels} kernels
 * @returns {Record<string, import('./conversation.mjs').Loader>}
 */
export function kernelTasks(kernels) {
  const arena = new Arena(kernels);
  return {
    matmul(spec, read) {
      arena.release();
      return matmul(spec, read, arena);
    },
    conv2d(spec, read) {
      arena.release();
      return conv2d(spec, read, arena);
    },
  };
}

/**
 * @param {Spec} spec
 * @param {Read} read
 * @param {Arena} arena
 * @returns {Variants}
 */
function matmul({ m, n, k }, read, arena) {
  const { kernels } = arena;
  const a = arena.copyIn(read('a'));
  const b = arena.copyIn(read('b'));
  const c = arena.reserve(m * n);
  return {
    matmul: {
      run: () => kernels.exports.matmul(m, n, k, a, false, b, false, c),
      output: () => kernels.f32(c, m * n).slice(),
    },
  };
}

/**
 * One pass, with the input dense and, where a k-WTA layer came before, compressed.
 * @param {Spec} spec
 * @param {Read} read
 * @param {Arena} arena
 * @returns {Variants}
 */
function conv2d(spec, read, arena) {
  const { kernels } = arena;
  const { exports } = kernels;
  const { n, h, w, kernel, stride, padding, oh, ow, active } = spec;
  const [channels, out] = [spec.in, spec.out];
  const pixels = h * w;
  const shape = /** @type {const} */ ([n, h, w, channels, out, kernel, kernel, stride, padding]);

  const dense = transpose(read('x'), [n, channels, h, w], NCHW_TO_NHWC);
  const x = arena.copyIn(dense);
  const weights = arena.convolution(spec, read('weight'));
  const [weight, dw] = [weights.data.pointer, weights.gradient.pointer];
  const dy = arena.copyIn(transpose(read('dy'), [n, out, oh, ow], NCHW_TO_NHWC));
  const y = arena.reserve(n * oh * ow * out);
  const dx = arena.reserve(dense.length);

  const copyOut = (/** @type {number} */ pointer, /** @type {number[]} */ extents, /** @type {number[]} */ axes) => {
    const length = extents.reduce((a, b) => a * b, 1);
    return transpose(kernels.f32(pointer, length), extents, axes);
  };
  const readInputGradient = () => copyOut(dx, [n, h, w, channels], NHWC_TO_NCHW);
  /** @type {Record<string, () => Float32Array>} */
  const outputs = {
    forward: () => copyOut(y, [n, oh, ow, out], NHWC_TO_NCHW),
    inputGradient: readInputGradient,
    weightGradient: weights.readGradient,
    gradients: () => concat(weights.readGradient(), readInputGradient()),
  };
  /** @type {Record<string, () => void>} */
  const denseRuns = {
    forward: () => exports.conv2d_forward(...shape, x, weight, 0, y),
    inputGradient: () => exports.conv2d_input_gradient(...shape, dy, weight, dx),
    weightGradient: () => exports.conv2d_weight_gradient(...shape, x, dy, dw),
    gradients: () => {
      exports.conv2d_weight_gradient(...shape, x, dy, dw);
      exports.conv2d_input_gradient(...shape, dy, weight, dx);
    },
  };
  const output = outputs[spec.pass];
  const variants = { dense: { run: denseRuns[spec.pass], output } };
  if (!spec.compressed) return variants;

  const [start, channel] = [arena.reserve(n * (pixels + 1)), arena.reserve(n * active)];
  const [value, gradient] = [arena.reserve(n * active), arena.reserve(n * active)];
  const pattern = /** @type {const} */ ([active, start, channel]);
  exports.kwta_forward(n, pixels, channels, active, x, active, false, start, channel, value);
  /** @type {Record<string, () => void>} */
  const sparseRuns = {
    forward: () => exports.sparse_conv2d_forward(...shape, ...pattern, value, weight, 0, y),
    inputGradient: () => exports.sparse_conv2d_input_gradient(...shape, ...pattern, dy, weight, gradient),
    weightGradient: () => exports.sparse_conv2d_weight_gradient(...shape, ...pattern, value, dy, dw),
    gradients: () => exports.sparse_conv2d_gradients(...shape, ...pattern, value, dy, weight, dw, gradient),
  };
  const scatter = () => {
    exports.sparse_densify(n, pixels, channels, ...pattern, gradient, dx);
    return output();
  };
  const sparse = {
    run: sparseRuns[spec.pass],
    output: spec.pass === 'inputGradient' || spec.pass === 'gradients' ? scatter : output,
  };
  return { ...variants, sparse };
}

/**
 * @param {Float32Array} first
 * @param {Float32Array} second
 */
function concat(first, second) {
  const result = new Float32Array(first.length + second.length);
  result.set(first);
  result.set(second, first.length);
  return result;
}
