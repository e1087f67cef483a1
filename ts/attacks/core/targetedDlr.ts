/**
 * The difference of logits ratio of a target (Croce & Hein 2020): (z_t - z_y) / (z_1 - (z_3 + z_4) / 2), with z_1 >= z_2
 * >= ... the logits in their order. It is not changed when a model's logits are scaled or shifted.
 */
import { ConfigError } from '../../base/errors.js';

/** Logits that the loss compares. */
export const targetedDlrRanks = 4;

/** As in the other losses of this kind, for logits that are all equal. */
const tiny = 1e-12;

/** @throws {ConfigError} when a model has too few classes for the loss. */
export function checkTargetedDlr(classes: number): void {
  if (classes < targetedDlrRanks) {
    throw new ConfigError(`loss: 'targetedDlr' expects at least ${targetedDlrRanks} classes, the model has ${classes}`);
  }
}

/** The loss of one row of logits, from class `own` to class `target`; its gradient is added to `cotangent`. */
export function targetedDlr(logits: Float32Array, own: number, target: number, cotangent: Float32Array): number {
  const [first, , third, fourth] = ranking(logits, targetedDlrRanks);
  const width = logits[first] - (logits[third] + logits[fourth]) / 2 + tiny;
  const loss = (logits[target] - logits[own]) / width;
  cotangent[target] += 1 / width;
  cotangent[own] -= 1 / width;
  cotangent[first] -= loss / width;
  cotangent[third] += loss / width / 2;
  cotangent[fourth] += loss / width / 2;
  return loss;
}

/** The `count` classes of the largest logits in their order, without `but`; the lowest index first among equals. */
export function ranking(logits: Float32Array, count: number, but = -1): number[] {
  const places: number[] = [];
  for (let j = 0; j < logits.length; j++) {
    if (j === but || (places.length === count && logits[j] <= logits[places[count - 1]])) continue;
    let at = Math.min(places.length, count - 1);
    for (; at > 0 && logits[places[at - 1]] < logits[j]; at--) places[at] = places[at - 1];
    places[at] = j;
  }
  return places;
}
