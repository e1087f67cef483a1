/**
 * TensorFlow.js on its WebAssembly backend (XNNPACK). In Node it runs on one thread: its threaded build is for
 * browsers alone. Weights and inputs are in its own layouts, NHWC and HWIO, before the clock starts.
 */
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { setWasmPaths, version_wasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { NCHW_TO_NHWC, NHWC_TO_NCHW, OIHW_TO_HWIO, transpose } from './layout.mjs';
import { serve } from './protocol.mjs';

const require = createRequire(import.meta.url);
setWasmPaths(`${dirname(require.resolve('@tensorflow/tfjs-backend-wasm'))}/`);
await tf.setBackend('wasm');
tf.enableProdMode();

/** @typedef {import('./conversation.mjs').Variants} Variants */

/** @param {tf.Tensor} result */
const release = (result) => result.dispose();
/** @type {tf.Tensor[]} */
let held = [];

/**
 * Keeps a tensor until the next task.
 * @template {tf.Tensor} T
 * @param {T} value
 */
function hold(value) {
  held.push(value);
  return value;
}

function releaseHeld() {
  for (const value of held) value.dispose();
  held = [];
}

await serve(
  { tfjs: version_wasm, node: process.version },
  {
    matmul(spec, read) {
      releaseHeld();
      const a = hold(tf.tensor2d(read('a'), [spec.m, spec.k]));
      const b = hold(tf.tensor2d(read('b'), [spec.k, spec.n]));
      return { matmul: { run: () => tf.matMul(a, b), output: (c) => c.dataSync(), release } };
    },

    /** @returns {Variants} */
    conv2d(spec, read) {
      releaseHeld();
      const { n, h, w, kernel, stride, padding, oh, ow } = spec;
      /** @type {(name: string, channels: number, height: number, width: number) => tf.Tensor4D} */
      const images = (name, channels, height, width) => {
        const data = transpose(read(name), [n, channels, height, width], NCHW_TO_NHWC);
        return hold(tf.tensor4d(data, [n, height, width, channels]));
      };
      const hwio = transpose(read('weight'), [spec.out, spec.in, kernel, kernel], OIHW_TO_HWIO);
      const weight = hold(tf.tensor4d(hwio, [kernel, kernel, spec.in, spec.out]));
      const output = (/** @type {tf.Tensor4D} */ y) =>
        transpose(/** @type {Float32Array} */ (y.dataSync()), y.shape, NHWC_TO_NCHW);
      if (spec.pass === 'forward') {
        const x = images('x', spec.in, h, w);
        return {
          conv2d: { run: () => tf.conv2d(x, weight, stride, padding, 'NHWC', 1, 'floor'), output, release },
        };
      }
      if (spec.pass === 'inputGradient') {
        const dy = images('dy', spec.out, oh, ow);
        const run = () => tf.conv2dTranspose(dy, weight, [n, h, w, spec.in], stride, padding, 'floor');
        return { conv2d: { run, output, release } };
      }
      return {}; // its WebAssembly backend has no weight gradient
    },

    /** @returns {Variants} */
    step(spec, read) {
      releaseHeld();
      if (spec.network !== 'smallCnn' || spec.what !== 'inference' || spec.activation !== 'relu') return {};
      const { base, height, width } = spec;
      const x = hold(tf.tensor4d(read('x'), [spec.batch, height, width, spec.channels]));
      const layers = [
        [spec.channels, base, 1],
        [base, 2 * base, 2],
        [2 * base, 4 * base, 2],
      ].map(([channels, out, stride], i) => {
        const vector = (/** @type {string} */ name) => hold(tf.tensor1d(read(`${3 * i + 1}.${name}`)));
        const weight = transpose(read(`${3 * i}.weight`), [out, channels, 3, 3], OIHW_TO_HWIO);
        return {
          stride,
          weight: hold(tf.tensor4d(weight, [3, 3, channels, out])),
          norm: ['running_mean', 'running_var', 'bias', 'weight'].map(vector),
        };
      });
      const classify = hold(tf.tensor2d(read('10.weight'), [10, 4 * base]));
      const bias = hold(tf.tensor1d(read('10.bias')));
      const run = () =>
        tf.tidy(() => {
          let y = x;
          for (const { stride, weight, norm } of layers) {
            const [mean, variance, offset, scale] = norm;
            y = tf.conv2d(y, weight, stride, 1, 'NHWC', 1, 'floor');
            y = tf.relu(tf.batchNorm(y, mean, variance, offset, scale, 1e-5));
          }
          return tf.add(tf.matMul(tf.mean(y, [1, 2]), classify, false, true), bias);
        });
      return { inference: { run, output: (logits) => logits.dataSync(), release } };
    },
  },
);
