/** Checks of single arguments, for those that are no part of a description. Messages are those of schemas. */
import { ConfigError } from './errors.js';
import { choice, integer, number, parse, type Range } from './schema.js';
import { describe } from './tensor.js';

/** @throws {ConfigError} unless `value` is a finite number in `range`. */
export function checkNumber(argument: string, value: unknown, range: Range = {}): asserts value is number {
  parse(number(range), value, argument);
}

/** @throws {ConfigError} unless `value` is a whole number in `range`; `noun` is what it is called. */
export function checkInteger(
  argument: string,
  value: unknown,
  range: Range = {},
  noun = 'a whole number',
): asserts value is number {
  parse(integer(range, noun, Number.MAX_SAFE_INTEGER), value, argument);
}

/** @throws {ConfigError} unless `value` is one of `choices`. */
export function checkChoice<T extends string>(
  argument: string,
  value: unknown,
  choices: readonly T[],
): asserts value is T {
  parse(choice(choices), value, argument);
}

/**
 * @throws {ConfigError} unless `options` is an object; naming the first of its keys that is not in `known`, for a misspelt
 *   option must not be ignored.
 */
export function checkKeys(argument: string, options: unknown, known: readonly string[]): asserts options is object {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`${argument}: expected an options object, got ${describe(options)}`);
  }
  for (const key of Object.keys(options)) {
    if (!known.includes(key))
      throw new ConfigError(`${argument}: unknown option '${key}'; known are ${known.join(', ')}`);
  }
}
