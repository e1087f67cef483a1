/** Runtimes whose kernels come from where the program says. */
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
import type { InitializeOptions, KernelSource } from './slim.js';
import { startRuntime } from './start.js';

let kit: Kit | undefined;

/** See `initialize` in slim.ts. */
export async function initialize(
  source: KernelSource | PromiseLike<KernelSource>,
  options: InitializeOptions,
): Promise<void> {
  checkKeys('initialize', options, ['worker']);
  const program = programOf(options.worker);
  const module = await compiled(await source);
  kit = { variant: variantOf(module), compile: async () => module, program };
}

/** See `createRuntime` in slim.ts. */
export async function start(options: RuntimeOptions): Promise<Runtime> {
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
