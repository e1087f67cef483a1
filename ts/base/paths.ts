/** Paths as callers give them: text, or a URL object of any realm. */
import { ConfigError } from './errors.js';
import { describe } from './tensor.js';

/** Whether `value` is a URL object. Its class may be another realm's, so the class is not asked. */
export function isUrl(value: unknown): value is URL {
  return Object.prototype.toString.call(value) === '[object URL]' && typeof (value as URL).href === 'string';
}

/** @throws {ConfigError} unless `value` is text that is not empty, or a URL object. */
export function checkPath(argument: string, value: unknown): asserts value is string | URL {
  if ((typeof value !== 'string' || value === '') && !isUrl(value)) {
    throw new ConfigError(`${argument}: expected a path or a URL, got ${describe(value)}`);
  }
}
