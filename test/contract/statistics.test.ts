/** Intervals and tests for counts, against values of the literature and of brute force. */
import { describe, expect, it } from 'vitest';
// A report holds their results for its own counts alone.
import { mcnemar, pairedInterval, wilson } from '../../dist/evaluate/statistics.js';
import { wilcoxon } from '../../dist/evaluate/wilcoxon.js';
import { fixtures } from '../fixtures/fixtures.js';

describe('wilson', () => {
  it.each([
    // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3.
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%i of %i', (correct, total, low, high) => {
    const interval = wilson(correct, total);
    expect(interval[0]).toBeCloseTo(low, 4);
    expect(interval[1]).toBeCloseTo(high, 4);
  });

  it('is symmetric, stays within [0, 1] and reaches the ends', () => {
    const [low, high] = wilson(30, 100);
    const [mirroredLow, mirroredHigh] = wilson(70, 100);
    expect(low).toBeCloseTo(1 - mirroredHigh, 12);
    expect(high).toBeCloseTo(1 - mirroredLow, 12);
    expect(wilson(0, 5)[0]).toBe(0);
    expect(wilson(5, 5)[1]).toBe(1);
    expect(wilson(50, 100, 1)[1]).toBeLessThan(wilson(50, 100)[1]);
  });

  it('refuses impossible counts', () => {
    expect(() => wilson(0, 0)).toThrow(/total: expected a whole number >= 1, got 0/);
    expect(() => wilson(6, 5)).toThrow(/correct: expected a whole number >= 0 and <= 5, got 6/);
    expect(() => wilson(1, 5, 0)).toThrow(/z: expected a number > 0, got 0/);
  });
});

describe('mcnemar', () => {
  it('sums the tails of a fair coin', () => {
    expect(mcnemar(0, 0)).toBe(1);
    expect(mcnemar(5, 0)).toBeCloseTo(2 / 32, 12);
    expect(mcnemar(6, 0)).toBeCloseTo(2 / 64, 12);
    expect(mcnemar(1, 7)).toBeCloseTo((2 * (1 + 8)) / 256, 12);
    expect(mcnemar(7, 1)).toBe(mcnemar(1, 7));
    expect(mcnemar(4, 4)).toBe(1);
  });

  it('does not underflow for many samples', () => {
    expect(mcnemar(2500, 2500)).toBe(1);
    expect(mcnemar(2600, 2400)).toBeCloseTo(0.0049, 3);
    expect(mcnemar(5000, 0)).toBe(0);
  });
});

describe('pairedInterval', () => {
  it('holds the difference 95 times of 100, by the sum over all outcomes', () => {
    const factorial = (n: number): number => (n < 2 ? 0 : Math.log(n) + factorial(n - 1));
    for (const [n, first, second] of [
      [20, 0.3, 0.1],
      [30, 0.15, 0.15],
      [60, 0.05, 0.2],
      [40, 0.02, 0.05],
    ]) {
      let covered = 0;
      for (let a = 0; a <= n; a++) {
        for (let b = 0; a + b <= n; b++) {
          const rest = n - a - b;
          const log =
            factorial(n) -
            factorial(a) -
            factorial(b) -
            factorial(rest) +
            a * Math.log(first) +
            b * Math.log(second) +
            rest * Math.log(1 - first - second);
          const [low, high] = pairedInterval(a, b, n);
          expect(low).toBeLessThanOrEqual((a - b) / n);
          expect(high).toBeGreaterThanOrEqual((a - b) / n);
          if (low <= first - second && first - second <= high) covered += Math.exp(log);
        }
      }
      expect(covered).toBeGreaterThan(0.93);
      expect(covered).toBeLessThan(0.998);
    }
  });

  it('mirrors, stays within [-1, 1], and refuses impossible counts', () => {
    const [low, high] = pairedInterval(7, 2, 50);
    const [mirroredLow, mirroredHigh] = pairedInterval(2, 7, 50);
    expect([-mirroredHigh, -mirroredLow]).toEqual([low, high]);
    expect(pairedInterval(3, 0, 3)[1]).toBe(1);
    expect(() => pairedInterval(3, 2, 4)).toThrow(/onlySecond: expected a whole number >= 0 and <= 1, got 2/);
  });
});

describe('wilcoxon', () => {
  const plain = (values: (number | null)[]): number[] => values.map((value) => value ?? Number.POSITIVE_INFINITY);

  it('says what SciPy says: counted out and approximated, with ties, equal pairs and infinities', async () => {
    const cases = await fixtures('wilcoxon');
    expect(cases.length).toBeGreaterThan(10);
    for (const { name, first, second, ...expected } of cases) {
      const found = wilcoxon(plain(first), plain(second));
      expect([name, found.pairs, found.statistic]).toEqual([name, expected.pairs, expected.statistic]);
      expect(Math.abs(found.p / expected.p - 1), name).toBeLessThan(1e-9);
      expect(wilcoxon(plain(second), plain(first))).toEqual(found);
    }
  });

  it('counts out what a hand can count, and finds nothing in equal series', () => {
    // Of 32 choices of signs only that of all alike reaches a sum of 0, from either side.
    expect(wilcoxon([1, 2, 3, 4, 5], [0, 0, 0, 0, 0])).toEqual({ pairs: 5, statistic: 0, p: 2 / 32 });
    const gone = Number.POSITIVE_INFINITY;
    expect(wilcoxon([1, gone], [1, gone])).toEqual({ pairs: 0, statistic: 0, p: 1 });
    // Nothing differs by more than what was not found: ranks 1, 2 and twice 3.5.
    expect(wilcoxon([1, 2, gone, gone], [1.5, 1, 100, 0.1]).statistic).toBe(1);
    expect(wilcoxon([1, 1 + 1e-7], [1, 1], 1e-6).pairs).toBe(0);
  });

  it('refuses series that do not belong together', () => {
    expect(() => wilcoxon([1], [1, 2])).toThrow(/second: expected as many values as in first, 1, got 2/);
    expect(() => wilcoxon([1, Number.NaN], [1, 2])).toThrow(/expected numbers, got NaN at index 1/);
  });
});
