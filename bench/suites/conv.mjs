/**
 * The passes of 3x3 convolutions: the shapes of ResNet-18 on CIFAR and of the small CNN, behind a k-WTA of gamma
 * 0.1 (but for the image itself).
 */
import { passTasks } from './convolutions.mjs';

/** @type {import('./convolutions.mjs').Convolution[]} */
const shapes = [
  { batch: 8, channels: 64, size: 32, out: 64 },
  { batch: 8, channels: 128, size: 16, out: 128 },
  { batch: 8, channels: 256, size: 8, out: 256 },
  { batch: 8, channels: 512, size: 4, out: 512 },
  { batch: 64, channels: 1, size: 28, out: 16 },
  { batch: 64, channels: 16, size: 28, out: 32, stride: 2 },
  { batch: 64, channels: 32, size: 14, out: 64, stride: 2 },
];

/** @returns {Iterable<import('../harness.mjs').Task>} */
export function* tasks() {
  for (const [seed, shape] of shapes.entries()) {
    const isImage = shape.channels === 1;
    yield* isImage
      ? passTasks({ ...shape, seed }, ['forward', 'weightGradient'])
      : passTasks({ ...shape, gamma: 0.1, seed }, ['forward', 'weightGradient', 'inputGradient', 'gradients']);
  }
}
