/** Classes from logits `[n, classes]`. */
import { DivergedError } from '../base/errors.js';

/**
 * Index of the largest logit of each sample; the lowest index among equals.
 *
 * @throws {DivergedError} for a logit that is not a number: nothing is larger or smaller than that.
 */
export function argmax(logits: Float32Array, classes: number): Int32Array {
  const result = new Int32Array(logits.length / classes);
  for (let s = 0; s < result.length; s++) {
    let best = 0;
    for (let j = 0; j < classes; j++) {
      const logit = logits[s * classes + j];
      if (Number.isNaN(logit)) {
        throw new DivergedError(`expected logits that are numbers, got NaN for class ${j} of sample ${s}`);
      }
      if (logit > logits[s * classes + best]) best = j;
    }
    result[s] = best;
  }
  return result;
}

/** Samples whose largest logit is their label. @throws as {@link argmax}. */
export function countCorrect(logits: Float32Array, labels: ArrayLike<number>, classes: number): number {
  return argmax(logits, classes).reduce((sum, prediction, i) => sum + Number(prediction === labels[i]), 0);
}
