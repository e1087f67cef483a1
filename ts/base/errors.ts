/**
 * The errors kwta throws. Each carries a `code` that survives the way through a worker; messages name
 * the argument, what was expected and what came.
 */

/** The common base: `error instanceof KwtaError`. */
export abstract class KwtaError extends Error {
  /** Stable identifier, equal in every version. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A tensor's shape does not fit. */
export class ShapeError extends KwtaError {
  readonly code = 'ERR_KWTA_SHAPE';
}

/** An option or a model description is wrong, or a call is not possible in this state. */
export class ConfigError extends KwtaError {
  readonly code = 'ERR_KWTA_CONFIG';
}

/** Data are wrong: files, labels, values that are not finite. */
export class DataError extends KwtaError {
  readonly code = 'ERR_KWTA_DATA';
}

/** Training or evaluation met a value that is not a number. */
export class DivergedError extends KwtaError {
  readonly code = 'ERR_KWTA_DIVERGED';
}

/** A worker died or could not start; the runtime must be created anew. */
export class WorkerLostError extends KwtaError {
  readonly code = 'ERR_KWTA_WORKER_LOST';
}

/** The WebAssembly memory cannot hold what was asked for. */
export class MemoryError extends KwtaError {
  readonly code = 'ERR_KWTA_MEMORY';
}

const classes = { ShapeError, ConfigError, DataError, DivergedError, WorkerLostError, MemoryError };

/** An error as plain data, for posting between workers. */
export interface PlainError {
  name: string;
  message: string;
  stack?: string;
}

/** Turns anything thrown into plain data. */
export function toPlainError(error: unknown): PlainError {
  if (error instanceof Error) return { name: error.name, message: error.message, stack: error.stack };
  return { name: 'Error', message: String(error) };
}

/** The error that {@link toPlainError} was given: the same class, message and stack. */
export function fromPlainError(plain: PlainError): Error {
  let error: Error;
  if (plain.name in classes) error = new classes[plain.name as keyof typeof classes](plain.message);
  else if (plain.name === 'AbortError') error = new DOMException(plain.message, 'AbortError');
  else {
    error = new Error(plain.message);
    error.name = plain.name;
  }
  if (plain.stack !== undefined && !(error instanceof DOMException)) error.stack = plain.stack;
  return error;
}
