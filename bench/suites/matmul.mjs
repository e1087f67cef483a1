/** Square products in float32. */
import { normal } from '../data.mjs';

/** @returns {import('../harness.mjs').Task[]} */
export function tasks() {
  return [256, 512, 1024].map((size) => ({
    name: `matmul ${size} x ${size} x ${size}`,
    kind: 'matmul',
    spec: { m: size, n: size, k: size },
    inputs: { a: normal(size * size, 1), b: normal(size * size, 2) },
    flops: 2 * size ** 3,
  }));
}
