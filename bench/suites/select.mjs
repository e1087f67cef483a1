/**
 * The k-th largest of 65,536 values, k = 6,553: what a k-WTA layer of gamma 0.1 needs, in random order and in
 * orders that defeat careless pivots.
 */
import { normal } from '../data.mjs';

const n = 65536;
const k = 6553;

/** @type {Record<string, () => Float32Array>} */
const orders = {
  random: () => normal(n, 1),
  ascending: () => normal(n, 1).sort(),
  descending: () => normal(n, 1).sort().reverse(),
  'organ pipe': () => Float32Array.from({ length: n }, (_, i) => Math.min(i, n - 1 - i)),
  'all equal': () => new Float32Array(n).fill(0.5),
  'few values': () => normal(n, 2).map(Math.round),
  'median-of-3 killer': medianOfThreeKiller,
};

/** @returns {import('../harness.mjs').Task[]} */
export function tasks() {
  return Object.entries(orders).map(([order, make]) => ({
    name: `k-th largest of 65,536, ${order}`,
    kind: 'select',
    spec: { n, k },
    inputs: { x: make() },
    takes: ({ threads }) => threads === 1,
  }));
}

/** Musser's permutation: quickselect that takes the median of first, middle and last drops two values a pass. */
function medianOfThreeKiller() {
  const half = n / 2;
  const values = new Float32Array(n);
  for (let i = 1; i <= half; i++) {
    values[i - 1] = i % 2 === 1 ? i : half + i - 1;
    values[half + i - 1] = 2 * i;
  }
  return values;
}
