/**
 * The shortest move of a point onto a hyperplane, inside the box [0, 1]: for `slope . move = -gap`, smallest in the norm.
 *
 * Every pixel moves against the sign of its slope, by at most its room to the wall. In linf all move by the same level,
 * in l2 by a level times their slope, until a wall stops them. What is won is then piecewise linear and concave in the
 * level: Newton's method climbs to the exact level from below, in as many rounds as make new pixels hit a wall (a
 * handful). In l1 the steepest pixels move all their way, the last one in part: a selection, not a sort.
 */
import type { ConvexNorm } from './norms.js';

/**
 * Writes the move into `move`. Where the hyperplane does not meet the box, it is that to the nearest corner of the box.
 *
 * @param point `[size]`, in the box.
 * @param slope `[size]`.
 * @param gap value of the linear function at the point, which is to become 0.
 * @returns length of the move, in the norm.
 */
export type Projection = (point: Float32Array, slope: Float32Array, gap: number, move: Float64Array) => number;

/** Projections in this norm of points of this size; they share scratch memory. */
export function projectionOf(norm: ConvexNorm, size: number): Projection {
  return norm === 'l1' ? greedy(size) : levelled(norm, size);
}

/** Length of a linear function's slope in the dual norm: its value over this is the distance to its hyperplane. */
export function dualLength(slope: Float32Array, norm: ConvexNorm): number {
  let sum = 0;
  let largest = 0;
  for (let i = 0; i < slope.length; i++) {
    const size = Math.abs(slope[i]);
    if (norm === 'l1') largest = Math.max(largest, size);
    else sum += norm === 'l2' ? size * size : size;
  }
  if (norm === 'l1') return largest;
  return norm === 'l2' ? Math.sqrt(sum) : sum;
}

/** A pixel's room in the direction that lowers the linear function, where `side` is the sign of its value. */
function room(value: number, slope: number, side: number): number {
  return side * slope > 0 ? value : 1 - value;
}

/** Far above any level that a box has room for, and finite: times a slope of zero it is zero. */
const anyLevel = 1e300;

function levelled(norm: 'linf' | 'l2', size: number): Projection {
  const steeps = new Float64Array(size);
  const frees = new Float64Array(size);
  const ways = new Float64Array(size);
  const rates = new Float64Array(size);
  const limits = new Float64Array(size);
  return (point, slope, gap, move) => {
    const side = gap < 0 ? -1 : 1;
    let total = 0;
    // Without branches on the sign, which no processor can predict: 1 or -1, 0 where there is no slope.
    for (let i = 0; i < size; i++) {
      const steep = Math.abs(slope[i]);
      const way = (side * slope[i]) / (steep + Number.MIN_VALUE);
      const free = 0.5 + way * (point[i] - 0.5);
      steeps[i] = steep;
      ways[i] = -way;
      frees[i] = free;
      rates[i] = norm === 'l2' ? steep * steep : steep;
      limits[i] = norm === 'l2' ? free / steep : free;
      total += rates[i];
    }
    const level = Math.min(levelOf(rates, limits, total, Math.abs(gap)), anyLevel);
    let length = 0;
    for (let i = 0; i < size; i++) {
      const way = ways[i] * Math.min(norm === 'l2' ? level * steeps[i] : level, frees[i]);
      move[i] = way;
      length = norm === 'l2' ? length + way * way : Math.max(length, Math.abs(way));
    }
    return norm === 'l2' ? Math.sqrt(length) : length;
  };
}

/**
 * The level at which the sum of `rates * min(level, limits)` is `need`; Infinity if it never is. Changes both lists.
 *
 * @param sum of the rates.
 */
function levelOf(rates: Float64Array, limits: Float64Array, sum: number, need: number): number {
  let count = rates.length;
  let total = sum;
  let left = need;
  let level = 0;
  while (total > 0) {
    // By rounding alone could it fall.
    level = Math.max(level, left / total);
    let kept = 0;
    total = 0;
    for (let i = 0; i < count; i++) {
      const rate = rates[i];
      const limit = limits[i];
      if (limit < level) left -= rate * limit;
      else {
        rates[kept] = rate;
        limits[kept++] = limit;
        total += rate;
      }
    }
    if (kept === count) return level;
    count = kept;
  }
  return Number.POSITIVE_INFINITY;
}

function greedy(size: number): Projection {
  let candidates = new Int32Array(size);
  let others = new Int32Array(size);
  return (point, slope, gap, move) => {
    const side = gap < 0 ? -1 : 1;
    let left = Math.abs(gap);
    let length = 0;
    const go = (i: number, way: number): void => {
      move[i] = side * slope[i] > 0 ? -way : way;
      left -= way * Math.abs(slope[i]);
      length += way;
    };
    let count = 0;
    for (let i = 0; i < size; i++) {
      move[i] = 0;
      if (slope[i] !== 0) candidates[count++] = i;
    }
    while (count > 0 && left > 0) {
      const pivot = Math.abs(slope[candidates[count >> 1]]);
      // The steeper ones to the front of the other list, the flatter ones to its end; both in their order or reversed,
      // and equals where they are: the same for the same point.
      let steeper = 0;
      let equal = 0;
      let flatter = size;
      let gain = 0;
      for (let c = 0; c < count; c++) {
        const i = candidates[c];
        const steep = Math.abs(slope[i]);
        if (steep > pivot) {
          others[steeper++] = i;
          gain += steep * room(point[i], slope[i], side);
        } else if (steep === pivot) candidates[equal++] = i;
        else others[--flatter] = i;
      }
      if (gain < left) {
        for (let c = 0; c < steeper; c++) go(others[c], room(point[others[c]], slope[others[c]], side));
        // Equals share the rest in the order of the pixels.
        const equals = candidates.subarray(0, equal).sort();
        for (const i of equals) {
          if (left <= 0) break;
          go(i, Math.min(room(point[i], slope[i], side), left / Math.abs(slope[i])));
        }
        others.copyWithin(0, flatter, size);
        count = size - flatter;
      } else count = steeper;
      [candidates, others] = [others, candidates];
    }
    return length;
  };
}
