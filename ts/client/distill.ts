/** `distill`, whose code comes with the first call. */
import type * as call from './distillation.js';

/**
 * Trains a new model of the same runtime, a student, on the classes that a model, its teacher, gives to images; their own
 * labels are not looked at. Examples made on it, as with `attacks.transfer`, meet no gradient that the teacher hides.
 *
 * @param model the teacher, which stays as it is.
 * @param data images like those to be attacked later.
 * @param options.spec of the student; by default that of the teacher with ReLU in place of k-WTA.
 * @param options.epochs >= 1; 10 by default.
 * @param options.optimizer Adam with its defaults by default.
 * @param options.regime of the training; natural by default. A student of an adversarially trained teacher is closer to it
 *   when it is trained likewise.
 * @param options.seed of the student's first values and of its training; 0 by default. `batchSize` and `lr` are as in `fit`.
 * @returns the student, which the caller disposes.
 * @throws {ConfigError}, {ShapeError} for wrong arguments; {DivergedError}; AbortError.
 */
export const distill: typeof call.distill = async (...args) => (await import('./distillation.js')).distill(...args);
