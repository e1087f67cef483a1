/**
 * Matrix products and forward convolutions in ONNX Runtime, for its two packages for JavaScript. A convolution's
 * weights are a constant of the model, so that it may arrange them before the clock starts; results are copied out of
 * its memory on every run, as its interface will have it.
 */
import { onnxModel } from './model.mjs';

/**
 * @typedef {typeof import('onnxruntime-common')} Ort
 * @typedef {import('../conversation.mjs').Loader} Loader
 * @typedef {import('./model.mjs').Value} Value
 */

/**
 * @param {Pick<Ort, 'InferenceSession' | 'Tensor'>} ort
 * @param {import('onnxruntime-common').InferenceSession.SessionOptions} options
 * @returns {Record<string, Loader>}
 */
export function onnxTasks(ort, options) {
  /** @type {import('onnxruntime-common').InferenceSession | undefined} */
  let session;

  /**
   * @param {Uint8Array} model
   * @param {(Value & { data: Float32Array })[]} inputs
   */
  async function variant(model, inputs) {
    await session?.release();
    const ready = await ort.InferenceSession.create(model, options);
    session = ready;
    const feeds = Object.fromEntries(
      inputs.map(({ name, data, shape }) => [name, new ort.Tensor('float32', data, shape)]),
    );
    return {
      run: () => ready.run(feeds),
      output: (/** @type {any} */ { y }) => y.data,
    };
  }

  return {
    async matmul({ m, n, k }, read) {
      const inputs = [
        { name: 'a', shape: [m, k], data: read('a') },
        { name: 'b', shape: [k, n], data: read('b') },
      ];
      const model = onnxModel({ operation: 'MatMul', inputs, output: { name: 'y', shape: [m, n] } });
      return { matmul: await variant(model, inputs) };
    },

    /** @returns {Promise<import('../conversation.mjs').Variants>} */
    async conv2d({ pass, n, h, w, out, kernel, stride, padding, oh, ow, in: channels }, read) {
      if (pass !== 'forward') return {};
      const x = { name: 'x', shape: [n, channels, h, w], data: read('x') };
      const weight = { name: 'weight', shape: [out, channels, kernel, kernel], data: read('weight') };
      const model = onnxModel({
        operation: 'Conv',
        inputs: [x],
        constants: [weight],
        output: { name: 'y', shape: [n, out, oh, ow] },
        attributes: { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: Array(4).fill(padding) },
      });
      return { conv2d: await variant(model, [x]) };
    },
  };
}
