/** `analysis`: what happens inside a model. Its code comes with the first call. */
import type * as calls from './analysisCalls.js';

/**
 * All discontinuities of a model along the straight segment between two samples, and all its kinks: every place where k-WTA
 * takes other winners, a ReLU opens or closes, or a window has another maximum. Between two of them the model is affine.
 *
 * Found by evaluating the model once for each affine piece, as its own 32-bit arithmetic has it: see docs/analysis.md.
 *
 * @param options.from at t = 0; `options.to` at t = 1.
 * @param options.maxEvents ends the search after so many, from t = 0 on; 10,000 by default.
 * @throws {ConfigError} for a layer that is curved or random; {ShapeError}, {DataError} for wrong samples;
 *   {DivergedError} when the model gives no numbers; AbortError.
 */
export const jumps: typeof calls.jumps = async (...args) => (await import('./analysisCalls.js')).jumps(...args);

/**
 * How many affine pieces segments between samples cross, and how long these are.
 *
 * @param options.from at the beginning of each segment; `options.to` at its end.
 * @param options.maxEvents of one segment; 100,000 by default. The result says which segments have more.
 * @throws as {@link jumps}.
 */
export const linearRegions: typeof calls.linearRegions = async (...args) =>
  (await import('./analysisCalls.js')).linearRegions(...args);

/**
 * How much of what the layers choose changes with the distance from samples: of the winners of k-WTA, the open units of ReLU
 * and the maxima of windows at x, the share that is none any more at `x + radius * direction`.
 *
 * @param options.radii each >= 0; 0, 0.1, ... 1 by default.
 * @param options.direction of each sample, for example an adversarial sample minus it: radius 1 is then that.
 * @param options.sigma instead: directions are normal noise with this standard deviation, in pixel units.
 * @param options.seed of the noise; 0 by default.
 * @throws {ConfigError} unless there is either a sigma or a direction; {ShapeError}, {DataError}; AbortError.
 */
export const patternChange: typeof calls.patternChange = async (...args) =>
  (await import('./analysisCalls.js')).patternChange(...args);

/**
 * The loss on a plane through a sample, on a grid. Points are not clipped to [0, 1].
 *
 * @param options.label true class.
 * @param options.directions of the two axes, see {@link PlaneDirection}.
 * @param options.extent how far the plane reaches to either side, in pixel units of the largest change; 16/255 by default.
 * @param options.resolution points along either axis, 2 to 1001; 41 by default.
 * @param options.loss `'crossEntropy'` by default, `'margin'` or `'dlr'`.
 * @param options.seed of random directions; 0 by default.
 * @throws {ConfigError}, {ShapeError}, {DataError} for wrong arguments, and where the gradient to follow is zero; AbortError.
 */
export const landscape: typeof calls.landscape = async (...args) =>
  (await import('./analysisCalls.js')).landscape(...args);
