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

/** `text` as a part of a path on every system: letters, digits and a few signs, `_` for all others. */
export function fileName(text: string): string {
  return text.replace(/[^\w .()-]/g, '_');
}

/** The file `name` in the folder of another. */
export function besidePath(path: string | URL, name: string): string | URL {
  if (isUrl(path)) return new URL(encodeURIComponent(name), path);
  const [folder] = /^.*[/\\]/s.exec(path) ?? [''];
  return folder + name;
}

/** A file beside another: `run-best.safetensors` beside `run.safetensors`. */
export function siblingPath<Path extends string | URL>(path: Path, suffix: string | number): Path {
  if (!isUrl(path)) return withSuffix(path, suffix) as Path;
  const url = new URL(path.href);
  url.pathname = withSuffix(url.pathname, suffix);
  return url as Path;
}

function withSuffix(path: string, suffix: string | number): string {
  const [, stem, extension = ''] = /^(.*?[^/\\])(\.[^./\\]*)?$/s.exec(path) ?? [undefined, path];
  return `${stem}-${suffix}${extension}`;
}
