/** What sparse balls need: the largest slopes of a gradient, and by how much changes are to shrink. */

/**
 * The value that `k - 1` others are not below, for `k` from 1 to their number; reorders them (Hoare's selection, O(n) on
 * average).
 */
export function kthLargest(values: Float32Array | Float64Array, k: number): number {
  let from = 0;
  let to = values.length - 1;
  const place = values.length - k;
  while (from < to) {
    const a = values[from];
    const b = values[(from + to) >> 1];
    const c = values[to];
    const pivot = Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
    let i = from;
    let j = to;
    while (i <= j) {
      while (values[i] < pivot) i++;
      while (values[j] > pivot) j--;
      if (i > j) break;
      const value = values[i];
      values[i++] = values[j];
      values[j--] = value;
    }
    if (place <= j) to = j;
    else if (place >= i) from = i;
    else break;
  }
  return values[place];
}

/** The root of {@link excess} is as good as found. */
const close = 1e-13;

/**
 * By how much each of the first `n` sizes is to shrink, so that their sum is `sum` when none falls below zero or stays
 * above its room: the root of a function that falls in straight pieces, by Newton's steps between two bounds. 0 when
 * the sum is not larger as it is.
 */
export function excess(sizes: Float64Array, rooms: Float64Array, n: number, sum: number): number {
  let low = 0;
  let high = 0;
  for (let i = 0; i < n; i++) if (sizes[i] > high) high = sizes[i];
  let shrink = 0;
  for (let round = 1; ; round++) {
    let total = 0;
    let moving = 0;
    for (let i = 0; i < n; i++) {
      const rest = sizes[i] - shrink;
      if (rest <= 0) continue;
      if (rest < rooms[i]) {
        total += rest;
        moving++;
      } else total += rooms[i];
    }
    const over = total - sum;
    if ((shrink === 0 && over <= 0) || Math.abs(over) <= close * sum) return shrink;
    if (over > 0) low = shrink;
    else high = shrink;
    const step = shrink + over / moving;
    // Where Newton's steps go astray, or are many, bounds that close in find the root.
    shrink = round % 4 !== 0 && step > low && step < high ? step : (low + high) / 2;
    if (shrink <= low || shrink >= high) return high;
  }
}
