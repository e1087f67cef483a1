/** `createRuntime` of the package's first entry, with whose first call comes all that runs models. */
import type { Runtime, RuntimeOptions } from './runtime.js';

/**
 * Starts a runtime: an engine in a worker, with a team of threads on shared memory where the platform has it.
 *
 * @throws {ConfigError} for wrong options, an engine without WebAssembly SIMD, or a page whose policy forbids WebAssembly.
 * @throws {DataError} when something else is where the kernels should be, or nothing comes for 10 s.
 * @throws {WorkerLostError} when a worker does not start; {MemoryError} when there is no room for its memory.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  return (await import('./startWhole.js')).start(options);
}
