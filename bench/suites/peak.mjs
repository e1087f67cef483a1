/**
 * What each engine can do at best: multiply-adds that depend on nothing but each other, and copies within the second
 * level cache and in main memory. All threads of a peer work, each on memory of its own.
 */

/** Bytes that a thread copies at once: source and target of the first fit any second-level cache of today. */
const sizes = { 'level 2 cache': 2 ** 17, 'main memory': 2 ** 26 };
/** Bytes copied in one run by all threads. */
const total = 2 ** 28;

/** @returns {import('../harness.mjs').Task[]} */
export function tasks() {
  const copies = Object.entries(sizes).map(([place, bytes]) => ({
    name: `copy in ${place}`,
    kind: 'copy',
    spec: { bytes, times: total / bytes },
    inputs: {},
    bytes: 2 * total,
    compare: () => null,
  }));
  const peak = { name: 'multiply-adds', kind: 'peak', spec: { flops: 2 ** 28 }, inputs: {}, flops: 2 ** 28 };
  return [{ ...peak, compare: () => null }, ...copies];
}
