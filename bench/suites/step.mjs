/**
 * Whole steps of the small CNN on 1x28x28, batch 64: conv 16, conv 32 stride 2, conv 64 stride 2, each with batch
 * norm and activation; global average pool; linear. All start from the same weights.
 */
import { normal, uniform } from '../data.mjs';

const batch = 64;
const channels = [1, 16, 32, 64];

/** @returns {import('../harness.mjs').Task[]} */
export function tasks() {
  const inputs = {
    ...weights(),
    x: uniform(batch * 28 * 28, 1),
    labels: uniform(batch, 2, { high: 10 }).map(Math.floor),
  };
  const activations = [
    { activation: 'relu', gamma: 1 },
    { activation: 'kwta', gamma: 0.1 },
    { activation: 'kwta', gamma: 0.05 },
  ];
  return ['training', 'inference', 'inputGradient'].flatMap((what) =>
    activations.map(({ activation, gamma }) => ({
      name: `small CNN, batch ${batch}, ${activation === 'relu' ? 'ReLU' : `k-WTA ${gamma}`}, ${what} step`,
      kind: 'step',
      spec: { what, activation, gamma, batch },
      inputs,
      samples: batch,
      compare: compareApart(activation, what === 'training' ? 1 : batch),
    })),
  );
}

/** Initial weights by state-dict name. */
function weights() {
  /** @type {Record<string, Float32Array>} */
  const state = {};
  for (let i = 0; i < 3; i++) {
    const [from, to] = [channels[i], channels[i + 1]];
    state[`${3 * i}.weight`] = normal(to * from * 9, 10 + i, { std: (2 / (from * 9)) ** 0.5 });
    state[`${3 * i + 1}.weight`] = uniform(to, 20 + i, { low: 0.7, high: 1.3 });
    state[`${3 * i + 1}.bias`] = normal(to, 30 + i, { std: 0.2 });
    state[`${3 * i + 1}.running_mean`] = normal(to, 40 + i, { std: 0.2 });
    state[`${3 * i + 1}.running_var`] = uniform(to, 50 + i, { low: 0.5, high: 1.5 });
  }
  state['10.weight'] = normal(10 * 64, 60, { std: 0.1 });
  state['10.bias'] = normal(10, 61, { std: 0.1 });
  return state;
}

/**
 * A value within rounding of its k-WTA threshold may win on one side and lose on the other, which changes that
 * sample's result visibly: one in twenty samples may differ, and what is summed over the batch by 2 %. With ReLU,
 * whose gradient jumps too, no sample may, and sums by 0.5 %.
 * @param {string} activation
 * @param {number} samples that the result consists of
 */
function compareApart(activation, samples) {
  const outliers = activation === 'relu' ? 0 : Math.floor(samples / 20);
  const tolerance = samples > 1 ? 1e-3 : activation === 'relu' ? 5e-3 : 0.02;
  /** @type {NonNullable<import('../harness.mjs').Task['compare']>} */
  return (actual, expected) => {
    if (actual.length !== expected.length) return `${actual.length} values instead of ${expected.length}`;
    const size = expected.length / samples;
    const distances = Array.from({ length: samples }, (_, i) =>
      distance(actual.subarray(i * size, (i + 1) * size), expected.subarray(i * size, (i + 1) * size)),
    );
    const far = distances.filter((value) => !(value <= tolerance));
    if (far.length <= outliers) return null;
    return `${far.length} of ${samples} off by up to ${Math.max(...far).toExponential(1)}, relative`;
  };
}

/** Norm of the difference by norm of the expected. */
function distance(/** @type {Float32Array} */ actual, /** @type {Float32Array} */ expected) {
  let difference = 0;
  let size = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    size += expected[i] ** 2;
  }
  return Math.sqrt(difference / size);
}
