/** Classes from logits `[n, classes]`. */

/** Index of the largest logit of each sample; the lowest index among equals. */
export function argmax(logits: Float32Array, classes: number): Int32Array {
  const result = new Int32Array(logits.length / classes);
  for (let s = 0; s < result.length; s++) {
    let best = 0;
    for (let j = 1; j < classes; j++) if (logits[s * classes + j] > logits[s * classes + best]) best = j;
    result[s] = best;
  }
  return result;
}

/** Samples whose largest logit is their label. */
export function countCorrect(logits: Float32Array, labels: ArrayLike<number>, classes: number): number {
  return argmax(logits, classes).reduce((sum, prediction, i) => sum + Number(prediction === labels[i]), 0);
}
