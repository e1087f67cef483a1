/**
 * The errors kwta throws. Each carries a `code` that survives the way through a worker and through a minifier;
 * messages name the argument, what was expected and what came.
 *
 * `instanceof` goes by that code, so it also holds for an error of another copy of the package or of another realm.
 */

/** The common base: `error instanceof KwtaError`. */
export abstract class KwtaError extends Error {
  /** Stable identifier, equal in every version. */
  abstract readonly code: string;

  /** @internal */
  static override readonly [Symbol.hasInstance] = isInstance;
}

/** A tensor's shape does not fit. */
export class ShapeError extends KwtaError {
  /** The name of the class, whatever a minifier made of it. */
  override readonly name = 'ShapeError';
  /** Stable identifier, equal in every version. */
  readonly code = 'ERR_KWTA_SHAPE';
}

/** An option or a model description is wrong, or a call is not possible in this state. */
export class ConfigError extends KwtaError {
  /** The name of the class, whatever a minifier made of it. */
  override readonly name = 'ConfigError';
  /** Stable identifier, equal in every version. */
  readonly code = 'ERR_KWTA_CONFIG';
}

/** Data are wrong: files, labels, values that are not finite. */
export class DataError extends KwtaError {
  /** The name of the class, whatever a minifier made of it. */
  override readonly name = 'DataError';
  /** Stable identifier, equal in every version. */
  readonly code = 'ERR_KWTA_DATA';
}

/** Training or evaluation met a value that is not a number. */
export class DivergedError extends KwtaError {
  /** The name of the class, whatever a minifier made of it. */
  override readonly name = 'DivergedError';
  /** Stable identifier, equal in every version. */
  readonly code = 'ERR_KWTA_DIVERGED';
}

/** A worker died or could not start; the runtime must be created anew. */
export class WorkerLostError extends KwtaError {
  /** The name of the class, whatever a minifier made of it. */
  override readonly name = 'WorkerLostError';
  /** Stable identifier, equal in every version. */
  readonly code = 'ERR_KWTA_WORKER_LOST';
}

/** The WebAssembly memory cannot hold what was asked for. */
export class MemoryError extends KwtaError {
  /** The name of the class, whatever a minifier made of it. */
  override readonly name = 'MemoryError';
  /** Stable identifier, equal in every version. */
  readonly code = 'ERR_KWTA_MEMORY';
}

type ErrorClass = new (message: string, options?: ErrorOptions) => KwtaError;

const byCode: Readonly<Record<string, ErrorClass>> = Object.fromEntries(
  [ShapeError, ConfigError, DataError, DivergedError, WorkerLostError, MemoryError].map((type) => [
    new type('').code,
    type,
  ]),
);

/** `value instanceof this` for {@link KwtaError} and the classes below it. */
function isInstance(this: unknown, value: unknown): boolean {
  if (Function.prototype[Symbol.hasInstance].call(this as typeof KwtaError, value)) return true;
  const type = isError(value) ? byCode[(value as Error & { code?: string }).code ?? ''] : undefined;
  // A class that somebody derives from one of these has no code of its own: only the chain of prototypes counts.
  return type !== undefined && (this === KwtaError || this === type);
}

/** An error as plain data, for posting between workers. */
export interface PlainError {
  name: string;
  message: string;
  /** Of a {@link KwtaError}; a class is found by it, never by a name that a minifier may change. */
  code?: string;
  stack?: string;
  /** As plain data, too, where it was an error. */
  cause?: PlainError | string;
}

/** Turns anything thrown into plain data. */
export function toPlainError(error: unknown): PlainError {
  return plain(error, 8);
}

/** `depth` bounds a chain of causes, which may be a ring. */
function plain(error: unknown, depth: number): PlainError {
  if (!isError(error)) return { name: 'Error', message: String(error) };
  const { name, message, stack, cause } = error;
  const result: PlainError = { name, message, stack };
  if (error instanceof KwtaError) result.code = error.code;
  if (cause !== undefined && depth > 0) result.cause = isError(cause) ? plain(cause, depth - 1) : String(cause);
  return result;
}

/** The error that {@link toPlainError} was given: the same class, message, stack and cause. */
export function fromPlainError({ name, message, code = '', stack, cause }: PlainError): Error {
  if (name === 'AbortError') return new DOMException(message, 'AbortError');
  const revived = typeof cause === 'object' ? fromPlainError(cause) : cause;
  const options = revived === undefined ? undefined : { cause: revived };
  const type = byCode[code];
  const error = type === undefined ? new Error(message, options) : new type(message, options);
  if (type === undefined) error.name = name;
  if (stack !== undefined) error.stack = stack;
  return error;
}

/** An error of any realm. */
function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}
