/**
 * Products in float32: cubes, and what the 3x3 convolutions of ResNet-18 amount to at batch 8 (pixels of the batch x
 * output channels x 9 input channels).
 */
import { normal } from '../data.mjs';

const shapes = [
  [256, 256, 256],
  [512, 512, 512],
  [1024, 1024, 1024],
  [8192, 64, 576],
  [2048, 128, 1152],
  [512, 256, 2304],
  [128, 512, 4608],
];

/** @returns {Iterable<import('../harness.mjs').Task>} */
export function* tasks() {
  for (const [m, n, k] of shapes) {
    yield {
      name: `matmul ${m} x ${n} x ${k}`,
      kind: 'matmul',
      spec: { m, n, k },
      inputs: { a: normal(m * k, 1), b: normal(k * n, 2) },
      flops: 2 * m * n * k,
      bytes: 4 * (m * k + k * n + m * n),
      againstPeak: true,
    };
  }
}
