/** Square: the schedule of its windows, and what its proposals change. */
import { describe, expect, it } from 'vitest';
import { searches, windowShare } from '../../dist/attacks/blackBox/square.js';
import { Random } from '../../dist/base/random.js';
import { type ConvexNorm, convexNorms } from './attackTable.js';
import { noise } from './support.js';

const epsilons: Readonly<Record<ConvexNorm, number>> = { linf: 0.2, l2: 1.5, l1: 8 };

const lengthOf = (change: ArrayLike<number>, norm: ConvexNorm): number =>
  Array.from(change).reduce((sum, value) => {
    if (norm === 'linf') return Math.max(sum, Math.abs(value));
    return norm === 'l1' ? sum + Math.abs(value) : Math.hypot(sum, value);
  }, 0);

describe('the windows', () => {
  it('are halved where they were in the publication, for 10,000 queries', () => {
    const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];
    for (const [at, limit] of halvings.entries()) {
      expect(windowShare(0.8, limit, 10_000)).toBe(0.8 / 2 ** at);
      expect(windowShare(0.8, limit + 1, 10_000)).toBe(0.8 / 2 ** (at + 1));
    }
    expect(windowShare(0.8, 0, 10_000)).toBe(0.8);
    expect(windowShare(0.8, 9999, 10_000)).toBe(0.8 / 512);
  });

  it('are halved at the same shares of any other number of queries', () => {
    for (const queries of [1, 7, 300, 5000, 20_000]) {
      for (let query = 0; query < queries; query += Math.ceil(queries / 97)) {
        const of = Math.floor((query / queries) * 10_000);
        expect(windowShare(0.5, query, queries)).toBe(windowShare(0.5, of, 10_000));
      }
    }
    expect(windowShare(0.8, 2500, 5000)).toBe(0.8 / 128);
  });
});

/** Places where a proposal changed more than rounding does. */
function moved(before: Float32Array, after: Float32Array): number[] {
  return Array.from(before.keys()).filter((i) => Math.abs(after[i] - before[i]) > 1e-5);
}

/** Whether all places of one channel fit into so many windows of this side. */
function inWindows(
  places: readonly (readonly [line: number, column: number])[],
  side: number,
  windows: number,
): boolean {
  if (places.length === 0) return true;
  if (windows === 0) return false;
  // Some window begins at the topmost line; try all columns for it.
  const top = Math.min(...places.map(([line]) => line));
  const columns = places.filter(([line]) => line === top).map(([, column]) => column);
  for (let left = Math.min(...columns) - side + 1; left <= Math.min(...columns); left++) {
    const rest = places.filter(([line, column]) => line >= top + side || column < left || column >= left + side);
    if (inWindows(rest, side, windows - 1)) return true;
  }
  return false;
}

describe.each(convexNorms)('a proposal in %s', (norm) => {
  const epsilon = epsilons[norm];
  const input = { c: 2, h: 14, w: 11 };
  const size = input.c * input.h * input.w;
  // A third of the pixels at a wall.
  const x = noise(4, size).map((value, i) => (i % 3 === 0 ? Math.round(0.5 + 0.5 * value) : 0.5 + 0.5 * value));

  it('stays in the ball and the box, and changes its windows alone', () => {
    const search = searches[norm](input, epsilon);
    const random = new Random(3, 4);
    const point = x.slice();
    search.start(point, x, random);
    let far = 0;
    for (let round = 0; round < 200; round++) {
      const change = point.map((value, i) => value - x[i]);
      expect(lengthOf(change, norm)).toBeLessThanOrEqual(epsilon * (1 + 1e-6));
      expect(point.every((value) => value >= 0 && value <= 1)).toBe(true);
      far += Number(lengthOf(change, norm) > 0.8 * epsilon);
      const share = 0.4 / 2 ** (round % 6);
      const before = point.slice();
      search.propose(point, x, share, random);
      const places = moved(before, point);
      const wanted = Math.round(Math.sqrt(share * input.h * input.w));
      const side = norm === 'linf' ? Math.max(wanted, 1) : Math.max(wanted + 1 - (wanted % 2), 3);
      for (let channel = 0; channel < input.c; channel++) {
        const own = places
          .filter((place) => Math.floor(place / (input.h * input.w)) === channel)
          .map((place) => [Math.floor(place / input.w) % input.h, place % input.w] as const);
        expect(inWindows(own, side, norm === 'linf' ? 1 : 2), `round ${round}: ${own.join(' ')}`).toBe(true);
      }
    }
    // What one window gives up, the other gets.
    expect(far).toBeGreaterThan(150);
  });

  it('leaves a point where it is in a ball without a radius', () => {
    const search = searches[norm](input, 0);
    const random = new Random(3, 4);
    const point = x.slice();
    search.start(point, x, random);
    expect(point).toEqual(x);
    search.propose(point, x, 0.3, random);
    expect(point).toEqual(x);
  });
});

it('bumps in l1 have most of their length in two peaks, as published', () => {
  // An image of one window: the start is two opposite bumps, 1 + 2 lines high, on top of each other or side by side.
  const input = { c: 1, h: 3, w: 3 };
  const x = new Float32Array(9).fill(0.5);
  const { start, propose } = searches.l1(input, 0.4);
  const point = x.slice();
  start(point, x, new Random(1, 1));
  point.set(x);
  propose(point, x, 1, new Random(1, 1));
  const sizes = Array.from(point, (value) => Math.abs(value - 0.5) / 0.4).sort((a, b) => a - b);
  // Rings count 1 and 1/16: [1, 17, 1] / 19 / 2, and [1, 1, 1, 1, 17, 1] / 22 / 2.
  const expected = [...[1, 1, 1, 1, 1].map((v) => v / 44), ...[1, 1].map((v) => v / 38), 17 / 44, 17 / 38];
  for (const [i, value] of expected.entries()) expect(sizes[i]).toBeCloseTo(value, 5);
});
