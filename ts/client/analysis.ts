/** `analysis`: what happens inside a model. Its code comes with the first call. */
import type * as calls from './analysisCalls.js';

/**
 * All discontinuities of a model along the straight segment between two samples, and all its kinks: every place where k-WTA
 * takes other winners, a ReLU opens or closes, or a window has another maximum. Between two of them the model is affine.
 *
 * Found by evaluating the model once for each affine piece, as its own 32-bit arithmetic has it: see docs/analysis.md.
 *
 * @throws {ConfigError} for a layer that is curved or random; {ShapeError}, {DataError} for wrong samples;
 *   {DivergedError} when the model gives no numbers; AbortError.
 */
export const jumps: typeof calls.jumps = async (...args) => (await import('./analysisCalls.js')).jumps(...args);

/**
 * How many affine pieces segments between samples cross, and how long these are.
 *
 * @throws as `analysis.jumps`.
 */
export const linearRegions: typeof calls.linearRegions = async (...args) =>
  (await import('./analysisCalls.js')).linearRegions(...args);

/**
 * How much of what the layers choose changes with the distance from samples: of the winners of k-WTA, the open units of ReLU
 * and the maxima of windows at x, the share that is none any more at `x + radius * direction`.
 *
 * @throws {ConfigError} unless there is either a sigma or a direction; {ShapeError}, {DataError}; AbortError.
 */
export const patternChange: typeof calls.patternChange = async (...args) =>
  (await import('./analysisCalls.js')).patternChange(...args);

/**
 * The loss on a plane through a sample, on a grid. Points are not clipped to [0, 1].
 *
 * @throws {ConfigError}, {ShapeError}, {DataError} for wrong arguments, and where the gradient to follow is zero; AbortError.
 */
export const landscape: typeof calls.landscape = async (...args) =>
  (await import('./analysisCalls.js')).landscape(...args);
