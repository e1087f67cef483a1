/** `kwta/slim`: nothing is fetched by itself; the program says where its kernels come from. */
import type { Runtime, RuntimeOptions } from './runtime.js';

/** What kernels can come as: where they are, their bytes, what was compiled of them, or what a server answered. */
export type KernelSource =
  | string
  | URL
  | ArrayBuffer
  | Uint8Array<ArrayBuffer>
  | WebAssembly.Module
  | Response
  | PromiseLike<Response>;

/** Options of {@link initialize}. */
export interface InitializeOptions {
  /**
   * The program of the workers, `kwta/worker`: where it is (in a browser of whatever origin), or a function that makes such a
   * worker. By default the file beside the package's code, which most bundlers find.
   */
  worker?: string | URL | (() => Worker);
}

/**
 * Says where the kernels of all runtimes that are created from now on come from: one of the files `kwta/wasm/simd.wasm`,
 * `simd-threads.wasm` and `relaxed-threads.wasm`. Which one it is decides about threads.
 *
 * @param source an address (in Node also a path), bytes, a compiled module, or a response or a promise of one.
 * @throws {ConfigError} for another kind of source, a module that is not kwta's, or a page whose policy forbids WebAssembly;
 *   {DataError} naming the address when something else is there, or nothing comes for 10 s.
 */
export async function initialize(
  source: KernelSource | PromiseLike<KernelSource>,
  options: InitializeOptions = {},
): Promise<void> {
  return (await import('./startSlim.js')).initialize(source, options);
}

/**
 * Starts a runtime with the kernels that {@link initialize} was given.
 *
 * @throws as `createRuntime` of `kwta`; {ConfigError} before `initialize`, or for a variant that it was not given.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  return (await import('./startSlim.js')).start(options);
}
