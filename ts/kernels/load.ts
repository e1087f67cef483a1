/** Instantiates a variant of the kernels in the worker that calls this. */
import { MemoryError } from '../base/errors.js';
import { type Exports, Kernels } from './kernels.js';
import type { Variant } from './variant.js';

interface GeneratedModule extends Exports {
  initSync(options: { module: WebAssembly.Module; memory?: WebAssembly.Memory; thread_stack_size?: number }): {
    memory: WebAssembly.Memory;
  };
}

/**
 * Pages of 64 KiB that shared memory may grow to: 4 GiB, less one page that some engines refuse. An engine sets that
 * much address space aside at once; where it is scarce, less must do.
 */
const maximumPages = [65535, 32768, 16384, 8192, 4096];
/** Pages that a shared memory starts with; the module's own data need fewer. */
const initialPages = 64;
/** Stack of each worker of the team. */
const threadStack = 1 << 20;

/** Where the wasm file of a variant lies. */
export function wasmUrl(variant: Variant): URL {
  // Written out one by one: bundlers find assets by this pattern.
  switch (variant) {
    case 'simd':
      return new URL('../wasm/simd/kwta_bg.wasm', import.meta.url);
    case 'simd-threads':
      return new URL('../wasm/simd-threads/kwta_bg.wasm', import.meta.url);
    case 'relaxed-threads':
      return new URL('../wasm/relaxed-threads/kwta_bg.wasm', import.meta.url);
  }
}

async function generated(variant: Variant): Promise<GeneratedModule> {
  switch (variant) {
    case 'simd':
      // The single-threaded build lacks the functions of the team, which nobody calls there.
      return (await import('../wasm/simd/kwta.js')) as unknown as GeneratedModule;
    case 'simd-threads':
      return (await import('../wasm/simd-threads/kwta.js')) as GeneratedModule;
    case 'relaxed-threads':
      return (await import('../wasm/relaxed-threads/kwta.js')) as GeneratedModule;
  }
}

/** A shared memory for one engine and its team. @throws {MemoryError} when there is not enough address space. */
export function createSharedMemory(): WebAssembly.Memory {
  for (const maximum of maximumPages) {
    const memory = orNothing(() => new WebAssembly.Memory({ initial: initialPages, maximum, shared: true }));
    if (memory !== undefined) return memory;
  }
  throw noAddressSpace();
}

/** What `allocate` gives, or nothing when there is no room for it. */
function orNothing<T>(allocate: () => T): T | undefined {
  try {
    return allocate();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function noAddressSpace(): MemoryError {
  return new MemoryError(
    'the runtime did not start: expected address space for a WebAssembly memory, got none; raise the limit of the ' +
      'process (ulimit -v, at least 16 GiB), or start Node with --disable-wasm-trap-handler, which needs less',
  );
}

let takeMessage: (() => string | undefined) | undefined;

/** What the last failed kernel said, if it said anything. */
export function takePanicMessage(): string | undefined {
  return takeMessage?.();
}

/** Instantiates the kernels; `memory` is needed by the threaded variants and must be the team's. @throws {MemoryError} */
export async function loadKernels(
  variant: Variant,
  module: WebAssembly.Module,
  memory?: WebAssembly.Memory,
): Promise<Kernels> {
  const code = await generated(variant);
  const options = memory === undefined ? { module } : { module, memory, thread_stack_size: threadStack };
  const instance = orNothing(() => code.initSync(options));
  if (instance === undefined) throw noAddressSpace();
  code.install_panic_message();
  takeMessage = code.take_panic_message;
  return new Kernels(code, memory ?? instance.memory);
}
