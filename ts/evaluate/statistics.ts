/** Statistics of counts: how sure a measured accuracy is, and whether two differ on the same samples. */
import { checkInteger, checkNumber } from '../base/check.js';
import type { Accuracy } from './report.js';

/** The 97.5 % point of the standard normal: two-sided 95 %. */
const Z_95 = 1.959964;

/**
 * Wilson's score interval for a proportion; unlike the textbook interval, right near 0 and 1 and for few samples.
 *
 * @param z half width in standard deviations; 95 % confidence when left out.
 * @returns the lower and the upper bound, within [0, 1].
 */
export function wilson(correct: number, total: number, z: number = Z_95): [number, number] {
  checkInteger('total', total, { min: 1 });
  checkInteger('correct', correct, { min: 0, max: total });
  checkNumber('z', z, { above: 0 });
  const proportion = correct / total;
  const square = z * z;
  const centre = proportion + square / (2 * total);
  const half = z * Math.sqrt((proportion * (1 - proportion)) / total + square / (4 * total * total));
  const scale = 1 + square / total;
  // At the ends the bound is exactly 0 or 1, which rounding would miss.
  return [correct === 0 ? 0 : (centre - half) / scale, correct === total ? 1 : (centre + half) / scale];
}

/**
 * McNemar's exact test: the probability, if two methods were equally good on the same samples, of a split of the
 * samples where they disagree that is at least as uneven as this one.
 *
 * @param onlyFirst samples where only the first method succeeds.
 * @param onlySecond samples where only the second does.
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
  checkInteger('onlyFirst', onlyFirst, { min: 0 });
  checkInteger('onlySecond', onlySecond, { min: 0 });
  const disagreements = onlyFirst + onlySecond;
  const fewer = Math.min(onlyFirst, onlySecond);
  // Two tails of a fair coin's binomial distribution; logarithms, for 2^-n underflows.
  let logChoices = 0;
  let tail = 0;
  for (let k = 0; k <= fewer; k++) {
    tail += Math.exp(logChoices - disagreements * Math.LN2);
    logChoices += Math.log((disagreements - k) / (k + 1));
  }
  return Math.min(1, 2 * tail);
}

/** Right answers among `total`, with their interval. */
export function accuracyOf(correct: number, total: number): Accuracy {
  return { correct, total, accuracy: correct / total, ci95: wilson(correct, total) };
}

/**
 * The 95 % interval of the difference of two proportions on the same samples, of Bonett & Price (2012): Wald's, with one
 * sample added to either kind of disagreement; it holds for few samples and for none that disagree.
 *
 * @param onlyFirst samples where only the first method succeeds.
 * @param onlySecond samples where only the second does.
 * @returns of the first minus the second, within [-1, 1].
 */
export function pairedInterval(onlyFirst: number, onlySecond: number, total: number): [number, number] {
  checkInteger('total', total, { min: 1 });
  checkInteger('onlyFirst', onlyFirst, { min: 0, max: total });
  checkInteger('onlySecond', onlySecond, { min: 0, max: total - onlyFirst });
  const first = (onlyFirst + 1) / (total + 2);
  const second = (onlySecond + 1) / (total + 2);
  const half = Z_95 * Math.sqrt((first + second - (first - second) ** 2) / (total + 2));
  return [Math.max(first - second - half, -1), Math.min(first - second + half, 1)];
}
