/**
 * Packages that only whoever needs them installs. Whoever loads one does so by `try { await import(name) }`, written out:
 * bundlers let a package that is not installed pass there, and nowhere else.
 */
import { ConfigError } from './errors.js';

/**
 * The error when `name` could not be loaded.
 *
 * @param what needs it, as a call or an option is called.
 * @param role what the package does there.
 */
export function notInstalled(what: string, name: string, role: string, cause: unknown): ConfigError {
  return new ConfigError(`${what}: expected the package ${name}, which ${role}: npm install ${name}`, { cause });
}
