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

  get bytes(): number {
    return this.#bytes;
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

/** A buffer's size and the first and last moment it is used. */
export interface Lifetime {
  bytes: number;
  first: number;
  last: number;
}

/**
 * Offsets for buffers such that those alive at the same time do not overlap: largest first, each at the
 * lowest place that is free.
 */
export function packByLifetime(
  lifetimes: readonly Lifetime[],
  alignment: number,
): { offsets: number[]; bytes: number } {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || a - b);
  const offsets: number[] = new Array(lifetimes.length).fill(0);
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const { bytes, first, last } = lifetimes[i];
    const size = Math.ceil(bytes / alignment) * alignment;
    const neighbours = placed
      .filter((j) => lifetimes[j].first <= last && first <= lifetimes[j].last)
      .sort((a, b) => offsets[a] - offsets[b]);
    let offset = 0;
    for (const j of neighbours) {
      if (offsets[j] - offset >= size) break;
      offset = Math.max(offset, offsets[j] + Math.ceil(lifetimes[j].bytes / alignment) * alignment);
    }
    offsets[i] = offset;
    placed.push(i);
    total = Math.max(total, offset + size);
  }
  return { offsets, bytes: total };
}
