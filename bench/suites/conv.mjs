/**
 * The three passes of 3x3 convolutions: the shapes of ResNet-18 on CIFAR and of the small CNN. Inputs are what a
 * k-WTA of gamma 0.1 leaves (but for the image itself), as zeros among the rest to everyone who cannot skip them.
 * The FLOPs in the report are those of the dense convolution, for all.
 */
import { keepLargest, normal } from '../data.mjs';
import { close } from '../harness.mjs';

const gamma = 0.1;

// batch, channels in, height and width, channels out, stride
const shapes = [
  [8, 64, 32, 64, 1],
  [8, 128, 16, 128, 1],
  [8, 256, 8, 256, 1],
  [8, 512, 4, 512, 1],
  [64, 1, 28, 16, 1],
  [64, 16, 28, 32, 2],
  [64, 32, 14, 64, 2],
];

/** @returns {import('../harness.mjs').Task[]} */
export function tasks() {
  return shapes.flatMap(([n, channels, size, out, stride], seed) => {
    const outputSize = Math.floor((size - 1) / stride) + 1;
    const length = channels * size * size;
    const isImage = channels === 1;
    const active = isImage ? length : Math.floor(gamma * length);
    const dense = normal(n * length, 3 * seed);
    const inputs = {
      x: isImage ? dense : keepLargest(dense, n, active),
      weight: normal(out * channels * 9, 3 * seed + 1, { std: (channels * 9) ** -0.5 }),
      dy: normal(n * out * outputSize * outputSize, 3 * seed + 2),
    };
    const passes = isImage ? ['forward', 'weightGradient'] : ['forward', 'weightGradient', 'inputGradient'];
    return passes.map((pass) => ({
      name: `conv 3x3 ${channels}->${out} @ ${size}x${size}${stride > 1 ? `, stride ${stride}` : ''}, batch ${n}, ${pass}`,
      kind: 'conv2d',
      spec: {
        ...{ pass, n, in: channels, h: size, w: size, out, kernel: 3, stride, padding: 1 },
        ...{ oh: outputSize, ow: outputSize, active },
      },
      inputs,
      flops: 2 * n * out * outputSize * outputSize * channels * 9,
      samples: n,
      compare: pass === 'inputGradient' ? compareAtWinners(inputs.x) : undefined,
    }));
  });
}

/**
 * A sparse input gradient exists at the winners alone; behind k-WTA nobody asks for the rest.
 * @param {Float32Array} x
 */
function compareAtWinners(x) {
  /** @type {NonNullable<import('../harness.mjs').Task['compare']>} */
  return (actual, expected, variant) =>
    close(actual, variant === 'sparse' ? expected.map((value, i) => (x[i] === 0 ? 0 : value)) : expected);
}
