/** Statistics of counts: how sure a measured accuracy is, and whether two differ on the same samples. */
import { checkInteger, checkNumber } from '../base/check.js';

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
