/** `distill`, whose code comes with the first call. */
import type * as call from './distillation.js';

/**
 * Trains a new model of the same runtime, a student, on the classes that a model, its teacher, gives to images; their own
 * labels are not looked at. Examples made on it, as with `attacks.transfer`, meet no gradient that the teacher hides.
 *
 * @param model the teacher, which stays as it is.
 * @param data images like those to be attacked later.
 * @returns the student, which the caller disposes.
 * @throws {ConfigError}, {ShapeError} for wrong arguments; {DivergedError}; AbortError.
 */
export const distill: typeof call.distill = async (...args) => (await import('./distillation.js')).distill(...args);
