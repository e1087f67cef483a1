/** Packages that only whoever needs them installs. */
import { ConfigError } from './errors.js';

/**
 * @param what needs it, as a call or an option is called.
 * @param role what the package does there.
 * @throws {ConfigError} when it is not installed.
 */
export async function installed<T>(what: string, name: string, role: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (cause) {
    throw new ConfigError(`${what}: expected the package ${name}, which ${role}: npm install ${name}`, { cause });
  }
}
