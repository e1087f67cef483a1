/**
 * One region of wasm memory that all plans of an engine use in turn. A plan's contents are meaningful
 * only while it runs, so the region is as large as the largest plan needs, and no larger.
 */
import type { Kernels } from '../kernels/kernels.js';

export class Workspace {
  #pointer = 0;
  #bytes = 0;
  #version = 0;

  constructor(readonly kernels: Kernels) {}

  /** Changes whenever the region moves. */
  get version(): number {
    return this.#version;
  }

  /** Start of a region of at least `bytes`. @throws {MemoryError} naming `purpose`. */
  reserve(bytes: number, purpose: string): number {
    if (bytes > this.#bytes) {
      this.release();
      this.#pointer = this.kernels.allocate(bytes, purpose);
      this.#bytes = bytes;
    }
    return this.#pointer;
  }

  /** Gives the region back. */
  release(): void {
    if (this.#bytes > 0) this.kernels.free(this.#pointer, this.#bytes);
    this.#pointer = 0;
    this.#bytes = 0;
    this.#version++;
  }
}
