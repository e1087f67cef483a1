/**
 * Wilcoxon's signed-rank test: whether one of two series of the same samples is the larger. Differences are ranked by their
 * size (equal ones share the mean of their ranks), and the ranks of the positive and of the negative ones are summed.
 */
import { DataError, ShapeError } from '../base/errors.js';

/** What {@link wilcoxon} found. */
export interface SignedRanks {
  /** Pairs that differ; the others are left out, as Wilcoxon did. */
  pairs: number;
  /** The smaller of the two sums of ranks. */
  statistic: number;
  /** Two-sided; 1 when no pair differs. */
  p: number;
}

/** Up to so many pairs the distribution is counted out. */
const countable = 50;

/**
 * The test of two series, two-sided. Up to 50 pairs that differ p is exact, given the ranks (also where some are equal);
 * beyond, it is of the normal approximation with corrections for ties and for continuity.
 *
 * Infinity stands for a distance that was not found: two of them are equal, and one beside a number differs by more than
 * any two numbers do.
 *
 * @param rounding pairs that differ by no more than this are equal.
 * @throws {ShapeError} for series of different lengths; {DataError} for NaN.
 */
export function wilcoxon(first: readonly number[], second: readonly number[], rounding = 0): SignedRanks {
  if (first.length !== second.length) {
    throw new ShapeError(`second: expected as many values as in first, ${first.length}, got ${second.length}`);
  }
  const differences = first.map((value, i) => (value === second[i] ? 0 : value - second[i]));
  const nan = differences.findIndex(Number.isNaN);
  if (nan >= 0) throw new DataError(`expected numbers, got NaN at index ${nan}`);
  const different = differences.filter((difference) => Math.abs(difference) > rounding);
  const doubled = doubledRanks(different.map(Math.abs));
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  const positive = doubled.reduce((sum, rank, i) => sum + (different[i] > 0 ? rank : 0), 0);
  const least = Math.min(positive, total - positive);
  const pairs = different.length;
  const p = pairs <= countable ? exact(doubled, least) : approximate(doubled, least / 2);
  return { pairs, statistic: least / 2, p };
}

/** Twice the rank of each value from below, which is a whole number also where equal ones share a mean. */
function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => (values[a] === values[b] ? 0 : values[a] - values[b]));
  const ranks = new Array<number>(values.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    while (to < order.length && values[order[to]] === values[order[from]]) to++;
    for (let at = from; at < to; at++) ranks[order[at]] = from + 1 + to;
  }
  return ranks;
}

/** Twice the share of all choices of signs whose sum is at most this one. */
function exact(doubled: readonly number[], least: number): number {
  const total = doubled.reduce((sum, rank) => sum + rank, 0);
  const chances = new Float64Array(total + 1);
  chances[0] = 1;
  let reach = 0;
  for (const rank of doubled) {
    reach += rank;
    for (let sum = reach; sum >= 0; sum--) {
      chances[sum] = (chances[sum] + (sum < rank ? 0 : chances[sum - rank])) / 2;
    }
  }
  let tail = 0;
  for (let sum = 0; sum <= least; sum++) tail += chances[sum];
  return Math.min(1, 2 * tail);
}

/** By a normal distribution of the same mean and variance. */
function approximate(doubled: readonly number[], statistic: number): number {
  const n = doubled.length;
  const mean = (n * (n + 1)) / 4;
  const counts = new Map<number, number>();
  for (const rank of doubled) counts.set(rank, (counts.get(rank) ?? 0) + 1);
  const ties = [...counts.values()].reduce((sum, count) => sum + (count ** 3 - count), 0);
  const variance = (n * (n + 1) * (2 * n + 1)) / 24 - ties / 48;
  // At the mean there is nothing to correct.
  const away = Math.max(0, mean - statistic - 0.5);
  return Math.min(1, complementaryError(away / Math.sqrt(2 * variance)));
}

/** erfc(x) for x >= 0: by the series of erf for small x, by Laplace's continued fraction beyond. */
function complementaryError(x: number): number {
  const scale = Math.exp(-x * x) / Math.sqrt(Math.PI);
  if (x < 2) {
    let term = 2 * x;
    let sum = term;
    for (let n = 1; term > sum * Number.EPSILON; n++) {
      term *= (2 * x * x) / (2 * n + 1);
      sum += term;
    }
    return 1 - scale * sum;
  }
  let fraction = x;
  for (let n = 120; n >= 1; n--) fraction = x + n / 2 / fraction;
  return scale / fraction;
}
