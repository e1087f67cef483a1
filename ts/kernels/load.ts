/**
 * Instantiates a variant of the kernels in the worker that calls this. The code around all is imported at once: it is small,
 * and so a worker is one file for bundlers that cannot cut a worker into several. Both threaded variants have the same.
 */
import * as simd from '../wasm/simd/kwta.js';
import * as threads from '../wasm/simd-threads/kwta.js';
import { type Exports, Kernels } from './kernels.js';
import { noAddressSpace, orNothing } from './memory.js';
import type { Variant } from './variant.js';

interface GeneratedModule extends Exports {
  initSync(options: { module: WebAssembly.Module; memory?: WebAssembly.Memory; thread_stack_size?: number }): {
    memory: WebAssembly.Memory;
  };
}

/** Stack of each worker of the team. */
const threadStack = 1 << 20;

const generated: Record<Variant, GeneratedModule> = {
  // The single-threaded build lacks the functions of the team, which nobody calls there.
  simd: simd as unknown as GeneratedModule,
  'simd-threads': threads,
  'relaxed-threads': threads,
};

let takeMessage: (() => string | undefined) | undefined;

/** What the last failed kernel said, if it said anything. */
export function takePanicMessage(): string | undefined {
  return takeMessage?.();
}

/** Instantiates the kernels; `memory` is needed by the threaded variants and must be the team's. @throws {MemoryError} */
export function loadKernels(variant: Variant, module: WebAssembly.Module, memory?: WebAssembly.Memory): Kernels {
  const code = generated[variant];
  const options = memory === undefined ? { module } : { module, memory, thread_stack_size: threadStack };
  const instance = orNothing(() => code.initSync(options));
  if (instance === undefined) throw noAddressSpace();
  code.install_panic_message();
  takeMessage = code.take_panic_message;
  return new Kernels(code, memory ?? instance.memory);
}
