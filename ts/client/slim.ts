/** `kwta/slim`: nothing is fetched by itself; the program says where its kernels come from. */
import { platform } from '#platform';
import { ownWorker } from '#worker';
import { checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { isUrl } from '../base/paths.js';
import { describe } from '../base/tensor.js';
import { variantOf } from '../kernels/variantOf.js';
import type { WorkerProgram } from '../platform/platform.js';
import { compileBytes, compileResponse } from '../platform/wasm.js';
import type { Kit } from './kit.js';
import type { Runtime, RuntimeOptions } from './runtime.js';
import { startRuntime } from './start.js';

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

let kit: Kit | undefined;

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
  checkKeys('initialize', options, ['worker']);
  const program = programOf(options.worker);
  const module = await compiled(await source);
  kit = { variant: variantOf(module), compile: async () => module, program };
}

/**
 * Starts a runtime with the kernels that {@link initialize} was given.
 *
 * @throws as `createRuntime` of `kwta`; {ConfigError} before `initialize`, or for a variant that it was not given.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  if (kit === undefined) {
    throw new ConfigError(
      "createRuntime: expected kernels, got none: call `await initialize(...)` of 'kwta/slim' before",
    );
  }
  return startRuntime(kit, options);
}

function programOf(worker: InitializeOptions['worker']): WorkerProgram {
  if (worker === undefined) return ownWorker;
  if (typeof worker === 'function') return worker;
  if ((typeof worker === 'string' && worker !== '') || isUrl(worker)) return () => worker;
  throw new ConfigError(`initialize.worker: expected a path, a URL or a function, got ${describe(worker)}`);
}

/** What a source is, is asked of the value: its class may be another realm's. */
async function compiled(source: KernelSource): Promise<WebAssembly.Module> {
  if ((typeof source === 'string' && source !== '') || isUrl(source)) return platform.compile(source);
  switch (Object.prototype.toString.call(source)) {
    case '[object WebAssembly.Module]':
      return source as WebAssembly.Module;
    case '[object Response]':
      return compileResponse(source as Response);
    case '[object ArrayBuffer]':
      return compileBytes('the bytes', new Uint8Array(source as ArrayBuffer));
    case '[object Uint8Array]':
      return compileBytes('the bytes', source as Uint8Array<ArrayBuffer>);
  }
  throw new ConfigError(
    `initialize: expected a path, a URL, bytes, a WebAssembly.Module or a Response, got ${describe(source)}`,
  );
}
