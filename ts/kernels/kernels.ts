/**
 * The wasm instance of this worker: raw kernels (addresses and sizes in, nothing checked), memory and
 * typed views. Only this folder imports generated code.
 */
import { MemoryError } from '../base/errors.js';
import type * as Generated from '../wasm/simd-threads/kwta.js';

/** The exported kernels; see crates/wasm. */
export type Exports = Omit<typeof Generated, 'default' | 'initSync'>;

/** Addresses are multiples of this. */
export const alignment = 64;

/** Wasm memory and the kernels that work on it. */
export class Kernels {
  constructor(
    readonly exports: Exports,
    readonly memory: WebAssembly.Memory,
  ) {}

  /**
   * Reserves memory.
   *
   * @param purpose what for, in the error.
   * @throws {MemoryError} when the memory cannot grow that far.
   */
  allocate(bytes: number, purpose: string): number {
    const pointer = bytes < 2 ** 32 - 2 ** 16 ? this.exports.allocate(bytes) >>> 0 : 0;
    if (pointer === 0) {
      const used = Math.round(this.memory.buffer.byteLength / 2 ** 20);
      throw new MemoryError(
        `${purpose}: needs ${Math.ceil(bytes / 2 ** 20)} MiB, more than WebAssembly memory can still give (${used} MiB in use)`,
      );
    }
    return pointer;
  }

  /** Gives memory back. */
  free(pointer: number, bytes: number): void {
    this.exports.deallocate(pointer, bytes);
  }

  /** A view, valid until memory grows. */
  f32(pointer: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, pointer, length);
  }

  /** A view, valid until memory grows. */
  f64(pointer: number, length: number): Float64Array {
    return new Float64Array(this.memory.buffer, pointer, length);
  }

  /** A view, valid until memory grows. */
  u32(pointer: number, length: number): Uint32Array {
    return new Uint32Array(this.memory.buffer, pointer, length);
  }
}
