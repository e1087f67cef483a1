/**
 * One region of wasm memory that all plans of an engine use in turn. A plan's contents are meaningful
 * only while it runs, so the region is as large as the largest plan needs, and no larger.
 */
import type { Kernels } from '../kernels/kernels.js';

export class Workspace {
  #pointer = 0;
  #bytes = 0;
  #version = 0;
  #run = 0;
  #second: Workspace | undefined;

  constructor(readonly kernels: Kernels) {}

  /** The region that passes of this slot use: 0 is this one, 1 another, for two passes that are alive at a time. */
  slot(slot: 0 | 1): Workspace {
    if (slot === 0) return this;
    this.#second ??= new Workspace(this.kernels);
    return this.#second;
  }

  /** A run begins; what was there is gone. Returns its number. */
  begin(): number {
    return ++this.#run;
  }

  /** Whether that run was the last to begin, and its contents are still there. */
  runs(run: number): boolean {
    return this.#run === run;
  }

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
