/**
 * Steps of the small CNN through the package's public API, so that messages between threads and copies of images
 * are part of the time.
 */
import { datasets, nn, optim } from '../../dist/index.js';
import { readInput } from './protocol.mjs';

/** Batches in one timed call of `fit`. */
const steps = 16;
/** @type {Model | undefined} */
let model;

/**
 * @typedef {import('../../dist/index.js').Model} Model
 * @typedef {import('../../dist/index.js').Tensor} Tensor
 */

/**
 * @param {import('../../dist/index.js').Runtime} runtime
 * @param {import('./protocol.mjs').Spec} spec
 */
async function smallCnn(runtime, spec) {
  const activation = () => (spec.activation === 'relu' ? nn.relu() : nn.kwta({ gamma: spec.gamma }));
  const block = (/** @type {number} */ out, /** @type {number} */ stride) => [
    nn.conv2d({ out, kernel: 3, stride, padding: 1, bias: false }),
    nn.batchNorm2d(),
    activation(),
  ];
  const layers = [...block(16, 1), ...block(32, 2), ...block(64, 2), nn.globalAvgPool2d(), nn.linear({ out: 10 })];
  await model?.dispose();
  model = await runtime.model(nn.sequential(layers, { input: [1, 28, 28] }));
  const state = await model.stateDict();
  for (const [name, value] of Object.entries(state)) value.data = readInput(spec, name);
  await model.loadStateDict(state);
  return model;
}

/**
 * One epoch over the batch, repeated; the result that is checked is the gradients of the first step.
 * @param {Model} model
 * @param {Tensor} x
 * @param {Int32Array} labels
 */
async function training(model, x, labels) {
  const data = new Float32Array(steps * x.data.length);
  for (let i = 0; i < steps; i++) data.set(x.data, i * x.data.length);
  const images = { shape: [steps * x.shape[0], ...x.shape.slice(1)], data };
  const repeated = Int32Array.from({ length: images.shape[0] }, (_, i) => labels[i % labels.length]);
  const dataset = datasets.fromTensors({ images, labels: repeated, classes: 10 });
  const { gradients } = await model.parameterGradients(x, labels);
  const flat = Float32Array.from(Object.values(gradients).flatMap(({ data }) => [...data]));
  return {
    steps,
    run: () =>
      model.fit(dataset, {
        epochs: 1,
        batchSize: x.shape[0],
        optimizer: optim.sgd({ lr: 0.05, momentum: 0.9, weightDecay: 5e-4 }),
      }),
    output: () => flat,
  };
}

/**
 * A step of PGD: gradient, sign, projection, clipping.
 * @param {Model} model
 * @param {Tensor} x
 * @param {Int32Array} labels
 */
async function attackStep(model, x, labels) {
  const { gradient } = await model.inputGradient(x, labels);
  const [epsilon, stepSize] = [0.1, 0.02];
  const moved = gradient.data.map((slope, i) => {
    const pixel = x.data[i];
    const offset = Math.max(-epsilon, Math.min(epsilon, stepSize * Math.sign(slope)));
    return Math.max(0, Math.min(1, pixel + offset));
  });
  return { data: gradient.data, moved };
}

/**
 * @param {import('../../dist/index.js').Runtime} runtime
 * @param {import('./protocol.mjs').Spec} spec
 */
export async function step(runtime, spec) {
  const model = await smallCnn(runtime, spec);
  const x = { shape: [spec.batch, 1, 28, 28], data: readInput(spec, 'x') };
  const labels = Int32Array.from(readInput(spec, 'labels'));
  const output = (/** @type {{ data: Float32Array }} */ { data }) => data;
  /** @type {Record<string, () => Promise<Record<string, import('./protocol.mjs').Variant>>>} */
  const variants = {
    training: async () => ({ fit: await training(model, x, labels) }),
    inference: async () => ({ logits: { run: () => model.logits(x), output } }),
    inputGradient: async () => ({ inputGradient: { run: () => attackStep(model, x, labels), output } }),
  };
  return variants[spec.what]();
}
