/** Wasm memory that an engine shares with its team, and what is said where there is no room for it. */
import { MemoryError } from '../base/errors.js';

/**
 * Pages of 64 KiB that shared memory may grow to: 4 GiB, less one page that some engines refuse. An engine sets that
 * much address space aside at once; where it is scarce, less must do.
 */
const maximumPages = [65535, 32768, 16384, 8192, 4096];
/** Pages that a shared memory starts with; the module's own data need fewer. */
const initialPages = 64;

/** A shared memory for one engine and its team. @throws {MemoryError} when there is not enough address space. */
export function createSharedMemory(): WebAssembly.Memory {
  for (const maximum of maximumPages) {
    const memory = orNothing(() => new WebAssembly.Memory({ initial: initialPages, maximum, shared: true }));
    if (memory !== undefined) return memory;
  }
  throw noAddressSpace();
}

/** What `allocate` gives, or nothing when there is no room for it. */
export function orNothing<T>(allocate: () => T): T | undefined {
  try {
    return allocate();
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

export function noAddressSpace(): MemoryError {
  return new MemoryError(
    'the runtime did not start: expected address space for a WebAssembly memory, got none; raise the limit of the ' +
      'process (ulimit -v, at least 16 GiB), or start Node with --disable-wasm-trap-handler, which needs less; in a ' +
      'browser close other pages, or use one of 64 bits',
  );
}
