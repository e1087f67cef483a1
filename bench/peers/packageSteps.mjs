/**
 * Steps of whole networks through the package's public API, so that messages between threads and copies of images
 * are part of the time.
 */
import { balls } from '../../dist/attacks/core/norms.js';
import { datasets, optim } from '../../dist/index.js';
import { describe } from './describe.mjs';

/**
 * @typedef {import('../../dist/index.js').Model} Model
 * @typedef {import('../../dist/index.js').Tensor} Tensor
 * @typedef {import('./conversation.mjs').Spec} Spec
 * @typedef {import('./conversation.mjs').Variant} Variant
 */

/**
 * `spec.steps` batches in one call of `fit`, one epoch over copies of the batch; what is checked are the loss and the
 * gradients of the first step.
 * @param {Model} model
 * @param {Tensor} x
 * @param {Int32Array} labels
 * @param {Spec} spec
 * @returns {Promise<Record<string, Variant>>}
 */
async function training(model, x, labels, { steps }) {
  const data = new Float32Array(steps * x.data.length);
  for (let i = 0; i < steps; i++) data.set(x.data, i * x.data.length);
  const images = { shape: [steps * x.shape[0], ...x.shape.slice(1)], data };
  const repeated = Int32Array.from({ length: images.shape[0] }, (_, i) => labels[i % labels.length]);
  const dataset = datasets.fromTensors({ images, labels: repeated, classes: model.classes });
  const { loss, gradients } = await model.parameterGradients(x, labels);
  const parts = Object.values(gradients).map(({ data }) => data);
  const flat = new Float32Array(1 + parts.reduce((sum, { length }) => sum + length, 0));
  flat[0] = loss;
  let at = 1;
  for (const part of parts) {
    flat.set(part, at);
    at += part.length;
  }
  const optimizer = optim.sgd({ lr: 0.01, momentum: 0.9, weightDecay: 5e-4 });
  return {
    fit: {
      steps,
      run: () => model.fit(dataset, { epochs: 1, batchSize: x.shape[0], optimizer }),
      output: () => flat,
    },
  };
}

/** @type {(model: Model, x: Tensor) => Record<string, Variant>} */
const inference = (model, x) => ({ logits: { run: () => model.logits(x), output: ({ data }) => data } });

/**
 * A step of PGD: gradient, sign, projection, clipping.
 * @type {(model: Model, x: Tensor, labels: Int32Array) => Record<string, Variant>}
 */
function inputGradient(model, x, labels) {
  const [epsilon, stepSize] = [0.1, 0.02];
  const moved = new Float32Array(x.data.length);
  async function run() {
    const { gradient } = await model.inputGradient(x, labels);
    moved.set(x.data);
    balls.linf.step(moved, gradient.data, x.data, moved.length, { stepSize, epsilon });
    return gradient;
  }
  return { inputGradient: { run, output: ({ data }) => data } };
}

/**
 * The loader of the task `step`.
 * @param {import('../../dist/index.js').Runtime} runtime
 * @returns {import('./conversation.mjs').Loader}
 */
export function steps(runtime) {
  /** @type {Model | undefined} */
  let model;
  return async (spec, read) => {
    await model?.dispose();
    model = await runtime.model(describe(spec));
    const state = await model.stateDict();
    for (const [name, value] of Object.entries(state)) value.data = read(name);
    await model.loadStateDict(state);
    const x = { shape: [spec.batch, ...model.input], data: read('x') };
    return { training, inference, inputGradient }[/** @type {'training'} */ (spec.what)](
      model,
      x,
      Int32Array.from(read('labels')),
      spec,
    );
  };
}
