/** Tasks that are whole steps of a network: its description, its initial weights, how results are compared. */
import { parameterShapes } from '../../dist/graph/parameterSpecs.js';
import { normal, uniform } from '../data.mjs';
import { networkTitles } from '../networkTitles.mjs';
import { describe } from '../peers/describe.mjs';

/**
 * @typedef {object} StepOptions
 * @property {'smallCnn' | 'resNet18' | ZooNetwork} network
 * @property {'training' | 'inference' | 'inputGradient'} what
 * @property {'relu' | 'kwta'} activation
 * @property {number} gamma
 * @property {number} batch
 * @property {number} [base]  channels of the first stage; of DenseNet, what each layer adds
 */

/** Those whose weights are drawn by the package's own names. @typedef {'resNet34' | 'wideResNet' | 'denseNet121' | 'alexNet'} ZooNetwork */

const networks = {
  smallCnn: { input: [1, 28, 28], base: 16, steps: 16, weights: smallCnnWeights },
  resNet18: { input: [3, 32, 32], base: 64, steps: 4, weights: resNet18Weights },
  resNet34: { input: [3, 32, 32], base: 64, steps: 2, weights: zooWeights('resNet34') },
  wideResNet: { input: [3, 32, 32], base: 16, steps: 4, weights: zooWeights('wideResNet') },
  denseNet121: { input: [3, 32, 32], base: 12, steps: 2, weights: zooWeights('denseNet121') },
  alexNet: { input: [3, 32, 32], base: 64, steps: 4, weights: zooWeights('alexNet') },
};

/** `k-WTA 0.1` or `ReLU`. */
const activationTitle = (/** @type {StepOptions} */ { activation, gamma }) =>
  activation === 'relu' ? 'ReLU' : `k-WTA ${gamma}`;

/**
 * @param {StepOptions} options
 * @returns {import('../harness.mjs').Task}
 */
export function stepTask(options) {
  const { network, what, activation, gamma, batch } = options;
  const { input, steps, weights, base: usual } = networks[network];
  const [channels, height, width] = input;
  const base = options.base ?? usual;
  return {
    name: `${networkTitles[network]}${base === usual ? '' : ` of width ${base}`}, batch ${batch}, ${activationTitle(options)}, ${what} step`,
    kind: 'step',
    spec: { network, what, activation, gamma, batch, channels, height, width, base, steps },
    inputs: {
      ...weights(channels, base),
      x: uniform(batch * channels * height * width, 1),
      labels: uniform(batch, 2, { high: 10 }).map(Math.floor),
    },
    samples: batch,
    compare: what === 'training' ? compareTraining(network, activation) : compareSamples(network, activation, batch),
  };
}

/** Names of weights that a `State` makes, with seeds of their own. */
class State {
  /** @type {Record<string, Float32Array>} */
  values = {};
  #seed = 10;

  /**
   * @param {string} name
   * @param {number} from
   * @param {number} to
   * @param {number} kernel
   */
  convolution(name, from, to, kernel) {
    const std = (2 / (from * kernel ** 2)) ** 0.5;
    this.values[`${name}.weight`] = normal(to * from * kernel ** 2, this.#seed++, { std });
  }

  /**
   * @param {string} name
   * @param {number} channels
   */
  batchNorm(name, channels) {
    this.values[`${name}.weight`] = uniform(channels, this.#seed++, { low: 0.7, high: 1.3 });
    this.values[`${name}.bias`] = normal(channels, this.#seed++, { std: 0.2 });
    this.values[`${name}.running_mean`] = normal(channels, this.#seed++, { std: 0.2 });
    this.values[`${name}.running_var`] = uniform(channels, this.#seed++, { low: 0.5, high: 1.5 });
  }

  /**
   * @param {string} name
   * @param {number} from
   */
  classifier(name, from) {
    this.values[`${name}.weight`] = normal(10 * from, this.#seed++, { std: 0.1 });
    this.values[`${name}.bias`] = normal(10, this.#seed++, { std: 0.1 });
  }
}

/**
 * @param {number} channels
 * @param {number} base
 */
function smallCnnWeights(channels, base) {
  const state = new State();
  let from = channels;
  for (const [i, factor] of [1, 2, 4].entries()) {
    state.convolution(`${3 * i}`, from, factor * base, 3);
    from = factor * base;
    state.batchNorm(`${3 * i + 1}`, from);
  }
  state.classifier('10', from);
  return state.values;
}

/**
 * @param {number} channels
 * @param {number} base
 */
function resNet18Weights(channels, base) {
  const state = new State();
  state.convolution('conv1', channels, base, 3);
  state.batchNorm('bn1', base);
  let from = base;
  for (const stage of [1, 2, 3, 4]) {
    const out = base * 2 ** (stage - 1);
    for (const block of [0, 1]) {
      const name = `layer${stage}.${block}`;
      state.convolution(`${name}.conv1`, from, out, 3);
      state.batchNorm(`${name}.bn1`, out);
      state.convolution(`${name}.conv2`, out, out, 3);
      state.batchNorm(`${name}.bn2`, out);
      if (stage > 1 && block === 0) {
        state.convolution(`${name}.downsample.0`, from, out, 1);
        state.batchNorm(`${name}.downsample.1`, out);
      }
      from = out;
    }
  }
  state.classifier('fc', from);
  return state.values;
}

/**
 * What keeps the size of what goes through, under the names of both sides.
 * @param {ZooNetwork} network
 * @returns {(channels: number, base: number) => Record<string, Float32Array>}
 */
function zooWeights(network) {
  return (channels, base) => {
    const spec = { network, activation: 'relu', gamma: 1, channels, height: 32, width: 32, base };
    return Object.fromEntries(
      [...parameterShapes(describe(spec))].map(([name, shape], i) => {
        const size = shape.reduce((product, length) => product * length, 1);
        if (shape.length > 1) return [name, normal(size, 10 + i, { std: (2 / (size / shape[0])) ** 0.5 })];
        const scale = name.endsWith('weight') || name.endsWith('running_var');
        return [name, scale ? uniform(size, 10 + i, { low: 0.7, high: 1.3 }) : normal(size, 10 + i, { std: 0.2 })];
      }),
    );
  };
}

/**
 * How far two sides may be apart. A value within rounding of its k-WTA threshold may win on one side and lose on the
 * other, which changes that sample's result visibly, and in a deep network more values in the layers behind; ReLU's
 * gradient jumps too, at zero.
 *   loss      relative, of a batch
 *   gradient  of a batch: norm of the difference by norm
 *   norm      of the gradient of a batch, relative, where rounding alone already turns it: in training, batch norm
 *             carries what changed in one sample into all others, and PyTorch's two layouts differ as much
 *   sample    norm of the difference by norm, of one sample's result; `outliers`: share that may be further away
 */
const tolerances = {
  /** Of all deep ones. */
  deep: {
    relu: { loss: 1e-4, gradient: 0.02, sample: 0.02, outliers: 0 },
    kwta: { loss: 0.1, norm: 0.3, sample: 0.02, outliers: 1 / 4 },
  },
  smallCnn: {
    relu: { loss: 1e-4, gradient: 5e-3, sample: 1e-3, outliers: 0 },
    kwta: { loss: 1e-3, gradient: 0.02, sample: 1e-3, outliers: 1 / 20 },
  },
};

/** @typedef {NonNullable<import('../harness.mjs').Task['compare']>} Compare */

/** @param {StepOptions['network']} network */
const tolerancesOf = (network) => tolerances[network === 'smallCnn' ? 'smallCnn' : 'deep'];

/**
 * The loss, and the gradients.
 * @param {StepOptions['network']} network
 * @param {StepOptions['activation']} activation
 * @returns {Compare}
 */
function compareTraining(network, activation) {
  /** @type {{ loss: number, gradient?: number, norm?: number }} */
  const allowed = tolerancesOf(network)[activation];
  return (actual, expected) => {
    if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
    const loss = Math.abs(actual[0] / expected[0] - 1);
    if (!(loss <= allowed.loss)) return `a loss of ${actual[0]} instead of ${expected[0]}`;
    const [ours, theirs] = [actual.subarray(1), expected.subarray(1)];
    const off = allowed.norm === undefined ? distance(ours, theirs) : Math.abs(norm(ours) / norm(theirs) - 1);
    return off <= (allowed.norm ?? allowed.gradient ?? 0) ? null : `gradients off by ${off.toExponential(1)}, relative`;
  };
}

/**
 * Each sample's result by its norm.
 * @param {StepOptions['network']} network
 * @param {StepOptions['activation']} activation
 * @param {number} samples
 * @returns {Compare}
 */
function compareSamples(network, activation, samples) {
  const allowed = tolerancesOf(network)[activation];
  return (actual, expected) => {
    if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
    const size = expected.length / samples;
    const distances = Array.from({ length: samples }, (_, i) =>
      distance(actual.subarray(i * size, (i + 1) * size), expected.subarray(i * size, (i + 1) * size)),
    );
    const far = distances.filter((value) => !(value <= allowed.sample));
    if (far.length <= Math.floor(allowed.outliers * samples)) return null;
    return `${far.length} of ${samples} off by up to ${Math.max(...far).toExponential(1)}, relative`;
  };
}

/**
 * Norm of the difference by norm of the expected.
 * @param {Float32Array} actual
 * @param {Float32Array} expected
 */
const distance = (actual, expected) => norm(actual.map((value, i) => value - expected[i])) / norm(expected);

/** @param {Float32Array} values */
const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
