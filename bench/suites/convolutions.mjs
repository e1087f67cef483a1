/**
 * Tasks for the three passes of 3x3 convolutions behind a k-WTA layer. Inputs are what the layer leaves, as zeros
 * among the rest to everyone who cannot skip them.
 */
import { keepLargest, normal } from '../data.mjs';
import { close } from '../harness.mjs';

/**
 * @typedef {object} Convolution
 * @property {number} batch
 * @property {number} channels
 * @property {number} size  height and width
 * @property {number} out
 * @property {number} [stride]
 * @property {number} [gamma]  share of the inputs that are not zero; without it nobody made them sparse
 * @property {number} [seed]
 */

/**
 * A task for each of the passes: `forward`, `weightGradient`, `inputGradient`, or `gradients` for both of these in one
 * call. `flops` are those of the dense convolution, for all; `work` is what remains behind k-WTA.
 * @param {Convolution} convolution
 * @param {string[]} passes
 * @returns {import('../harness.mjs').Task[]}
 */
export function passTasks({ batch: n, channels, size, out, stride = 1, gamma, seed = 0 }, passes) {
  const outputSize = Math.floor((size - 1) / stride) + 1;
  const length = channels * size * size;
  const active = gamma === undefined ? length : Math.floor(gamma * length);
  const dense = normal(n * length, 3 * seed);
  const inputs = {
    // Positive: at a large gamma, zeros would win over negative winners when our side selects again.
    x: gamma === undefined ? dense : keepLargest(dense.map(Math.abs), n, active),
    weight: normal(out * channels * 9, 3 * seed + 1, { std: (channels * 9) ** -0.5 }),
    dy: normal(n * out * outputSize * outputSize, 3 * seed + 2),
  };
  const each = 2 * n * out * outputSize * outputSize * channels * 9;
  const others = inputs.weight.length + inputs.dy.length;
  // Four bytes a value; an entry of a compressed input has its channel beside its value.
  const bytes = { dense: 4 * (inputs.x.length + others), sparse: 4 * (2 * n * active + n * size * size + others) };
  return passes.map((pass) => ({
    name: `conv 3x3 ${channels}->${out} @ ${size}x${size}${stride > 1 ? `, stride ${stride}` : ''}, batch ${n}, ${pass}`,
    kind: 'conv2d',
    spec: {
      ...{ pass, n, in: channels, h: size, w: size, out, kernel: 3, stride, padding: 1 },
      ...{ oh: outputSize, ow: outputSize, active, compressed: Number(gamma !== undefined) },
    },
    inputs,
    flops: pass === 'gradients' ? 2 * each : each,
    work: { sparse: ((pass === 'gradients' ? 2 * each : each) * active) / length },
    bytes,
    samples: n,
    againstPeak: true,
    compare: compareAtWinners(inputs, pass),
  }));
}

/**
 * A sparse input gradient exists at the winners alone; behind k-WTA nobody asks for the rest.
 * @param {Record<string, Float32Array>} inputs
 * @param {string} pass
 * @returns {import('../harness.mjs').Task['compare']}
 */
function compareAtWinners({ x, weight }, pass) {
  if (pass !== 'inputGradient' && pass !== 'gradients') return undefined;
  // Of both gradients, the weights' comes first.
  const before = pass === 'gradients' ? weight.length : 0;
  const atWinners = (/** @type {Float32Array} */ dx) => dx.map((value, i) => (x[i] === 0 ? 0 : value));
  return (actual, expected, variant) => {
    const dx = expected.subarray(before);
    return (
      close(actual.subarray(0, before), expected.subarray(0, before)) ??
      close(actual.subarray(before), variant === 'sparse' ? atWinners(dx) : dx)
    );
  };
}
