/**
 * Elementary functions whose bits are the same in every engine: those of `Math` may differ in their last bits.
 */
import { logarithm } from './random.js';

/** Powers of two from 2^0 on; no double is beyond. */
const powers = new Float64Array(1024);
powers[0] = 1;
for (let i = 1; i < powers.length; i++) powers[i] = 2 * powers[i - 1];

/** 1 / n! from n = 13 down to 1: what is left out is below 1e-16 for arguments up to ln 2 / 2. */
const coefficients = new Float64Array(13);
for (let n = 1, factorial = 1; n <= 13; n++) {
  factorial *= n;
  coefficients[13 - n] = 1 / factorial;
}

/** e^x, to 1e-15 relative near 0 and 1e-13 far from it; Infinity from 709 on, 0 from -709 down. */
export function exponential(x: number): number {
  if (x >= 709) return Number.POSITIVE_INFINITY;
  if (x <= -709) return 0;
  const power = Math.round(x / Math.LN2);
  const rest = x - power * Math.LN2;
  let sum = 0;
  for (let n = 0; n < 13; n++) sum = (sum + coefficients[n]) * rest;
  sum += 1;
  return power < 0 ? sum / powers[-power] : sum * powers[power];
}

/** The hyperbolic tangent, to about 1e-15. */
export function tanh(x: number): number {
  const size = 1 - 2 / (exponential(2 * Math.abs(x)) + 1);
  return x < 0 ? -size : size;
}

/** Its inverse, for x between -1 and 1. */
export function artanh(x: number): number {
  return logarithm((1 + x) / (1 - x)) / 2;
}

/**
 * To twelve digits. Engines differ in the last bits of a cosine, and the same seed must give the same weights; and 0.2 - 3 *
 * 0.005 must be 0.185, for gamma is read as a decimal.
 */
export function digits(value: number): number {
  return Number(value.toPrecision(12));
}

/** From one value to the other along half a cosine; `share` of the way. To twelve digits. */
export function halfCosine(from: number, to: number, share: number): number {
  return digits(to + (from - to) * 0.5 * (1 + Math.cos(Math.PI * share)));
}

/** Falls from 1 to 0 along half a cosine as `done` goes from 0 to `whole`. */
export function cosineFall(done: number, whole: number): number {
  return halfCosine(1, 0, done / whole);
}
