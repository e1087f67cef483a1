/** Places for buffers, by when they are needed. */
import { describe, expect, it } from 'vitest';
// From outside, only the sum of all places is seen (`model.memory`).
import { type Lifetime, Lifetimes, packByLifetime } from '../../dist/graph/lifetimes.js';
import { withoutIdle } from '../../dist/graph/recompute.js';
import { Buffer } from '../../dist/ops/buffer.js';
import { noise } from '../contract/support.js';

const alignment = 64;

function aliveAt({ intervals }: Lifetime, time: number): boolean {
  return intervals.some(({ first, last }) => first <= time && time <= last);
}

describe('packByLifetime', () => {
  it('lets a buffer use the room of another while that one is not needed', () => {
    const returning = {
      bytes: 128,
      intervals: [
        { first: 0, last: 2 },
        { first: 7, last: 9 },
      ],
    };
    const between = { bytes: 128, intervals: [{ first: 3, last: 6 }] };
    const late = { bytes: 64, intervals: [{ first: 6, last: 7 }] };
    expect(packByLifetime([returning, between], alignment)).toEqual({ offsets: [0, 0], bytes: 128 });
    expect(packByLifetime([returning, between, late], alignment)).toEqual({ offsets: [0, 0, 128], bytes: 192 });
    expect(packByLifetime([{ bytes: 0, intervals: [] }, between], alignment).bytes).toBe(128);
  });

  it.each([1, 2, 3, 4, 5])('keeps apart what is needed at one time (seed %i)', (seed) => {
    const values = noise(seed, 400);
    const lifetimes = Array.from({ length: 80 }, (_, i): Lifetime => {
      const [a, b, c, d] = [...values.subarray(5 * i, 5 * i + 4)].map((v) => Math.round(20 + 20 * v));
      const [first, last] = [Math.min(a, b), Math.max(a, b)];
      const intervals = [{ first, last }];
      if (i % 3 === 0) intervals.push({ first: last + 1 + Math.min(c, d), last: last + 1 + Math.max(c, d) });
      return { bytes: Math.round(500 + 490 * values[5 * i + 4]), intervals };
    });
    const { offsets, bytes } = packByLifetime(lifetimes, alignment);
    for (let time = 0; time <= 100; time++) {
      const alive = lifetimes.map((_, i) => i).filter((i) => aliveAt(lifetimes[i], time));
      alive.sort((i, j) => offsets[i] - offsets[j]);
      for (const [at, i] of alive.entries()) {
        expect(offsets[i] % alignment).toBe(0);
        const next = alive[at + 1];
        expect(offsets[i] + lifetimes[i].bytes).toBeLessThanOrEqual(next === undefined ? bytes : offsets[next]);
      }
    }
  });
});

describe('Lifetimes', () => {
  it('spans the uses of a buffer in any order, until it is written anew', () => {
    const [buffer, other] = [new Buffer(10), new Buffer(20)];
    const lifetimes = new Lifetimes();
    for (const time of [4, 2, 3]) lifetimes.use(buffer, time);
    lifetimes.begin(buffer, 8);
    lifetimes.use(buffer, 9);
    expect(lifetimes.of(buffer)).toEqual({
      bytes: 40,
      intervals: [
        { first: 2, last: 4 },
        { first: 8, last: 9 },
      ],
    });
    expect(lifetimes.of(other)).toEqual({ bytes: 0, intervals: [] });
  });
});

describe('withoutIdle', () => {
  it('repeats only what saves memory, and of that the cheapest', () => {
    const costs = new Map([
      ['cheap', 1],
      ['dear', 9],
      ['idle', 3],
    ]);
    // Either repetition suffices; the third is of no use.
    const needed = (steps: readonly string[]) => ({
      bytes: steps.includes('cheap') || steps.includes('dear') ? 10 : 20,
    });
    const { steps, need } = withoutIdle(['a', 'idle', 'dear', 'b', 'cheap'], costs, needed);
    expect(steps).toEqual(['a', 'b', 'cheap']);
    expect(need.bytes).toBe(10);
  });
});
