/** Seeded inputs. */

/**
 * Uniform numbers in [0, 1), by xorshift.
 * @param {number} seed
 */
export function uniforms(seed) {
  let state = Math.imul(seed + 1, 2654435761) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * @param {number} length
 * @param {number} seed
 * @param {{ mean?: number, std?: number }} [options]
 */
export function normal(length, seed, { mean = 0, std = 1 } = {}) {
  const next = uniforms(seed);
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - next()));
    return mean + std * radius * Math.cos(2 * Math.PI * next());
  });
}

/**
 * @param {number} length
 * @param {number} seed
 * @param {{ low?: number, high?: number }} [options]
 */
export function uniform(length, seed, { low = 0, high = 1 } = {}) {
  const next = uniforms(seed);
  return Float32Array.from({ length }, () => low + (high - low) * next());
}

/**
 * Zeroes all but the `k` largest of each of `n` samples, as a k-WTA layer would have done.
 * @param {Float32Array} x
 * @param {number} n
 * @param {number} k
 */
export function keepLargest(x, n, k) {
  const size = x.length / n;
  for (let at = 0; at < x.length; at += size) {
    const sample = x.subarray(at, at + size);
    const threshold = sample.slice().sort()[size - k];
    let ties = k - sample.reduce((count, value) => count + Number(value > threshold), 0);
    for (let i = 0; i < size; i++) {
      if (sample[i] > threshold || (sample[i] === threshold && ties-- > 0)) continue;
      sample[i] = 0;
    }
  }
  return x;
}
