/** Checks of plain arguments. Each error names the argument, what was expected and what came. */
import { ConfigError } from './errors.js';
import { describe } from './tensor.js';

interface Range {
  min?: number;
  max?: number;
  /** The bound itself is excluded. */
  above?: number;
  below?: number;
}

function inRange(value: number, { min, max, above, below }: Range): boolean {
  return (
    (min === undefined || value >= min) &&
    (max === undefined || value <= max) &&
    (above === undefined || value > above) &&
    (below === undefined || value < below)
  );
}

function rangeText({ min, max, above, below }: Range): string {
  const parts = [
    min !== undefined && `>= ${min}`,
    above !== undefined && `> ${above}`,
    max !== undefined && `<= ${max}`,
    below !== undefined && `< ${below}`,
  ].filter((part) => part !== false);
  return parts.length > 0 ? ` ${parts.join(' and ')}` : '';
}

/** @throws {ConfigError} unless `value` is a finite number in `range`. */
export function checkNumber(argument: string, value: unknown, range: Range = {}): asserts value is number {
  if (typeof value !== 'number' || !Number.isFinite(value) || !inRange(value, range)) {
    throw new ConfigError(`${argument}: expected a number${rangeText(range)}, got ${describe(value)}`);
  }
}

/** @throws {ConfigError} unless `value` is a whole number in `range`. */
export function checkInteger(argument: string, value: unknown, range: Range = {}): asserts value is number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || !inRange(value, range)) {
    throw new ConfigError(`${argument}: expected a whole number${rangeText(range)}, got ${describe(value)}`);
  }
}

/** @throws {ConfigError} unless `value` is true or false. */
export function checkBoolean(argument: string, value: unknown): asserts value is boolean {
  if (typeof value !== 'boolean') throw new ConfigError(`${argument}: expected true or false, got ${describe(value)}`);
}

/** @throws {ConfigError} unless `value` is one of `choices`. */
export function checkChoice<T extends string>(
  argument: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  if (!choices.includes(value as T)) {
    throw new ConfigError(`${argument}: expected ${choices.map((c) => `'${c}'`).join(' or ')}, got ${describe(value)}`);
  }
}

/**
 * Checks plain data that functions of the package make, told apart by their `type`.
 *
 * @throws {ConfigError} unless that is one of `types`; `expected` says what makes them.
 */
export function checkType(argument: string, value: unknown, types: readonly string[], expected: string): void {
  const type = (value as { type?: unknown } | null | undefined)?.type;
  if (typeof type !== 'string') throw new ConfigError(`${argument}: expected ${expected}, got ${describe(value)}`);
  if (!types.includes(type)) throw new ConfigError(`${argument}: expected ${expected}, got the type '${type}'`);
}

/** @throws {ConfigError} naming the first key of `options` that is not in `known`: a misspelt option must not be ignored. */
export function checkKeys(argument: string, options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new ConfigError(`${argument}: unknown option '${key}'; known are ${known.join(', ')}`);
  }
}
