/**
 * Pieces of wasm memory whose address is assigned late: steps are built first, then the plan packs the
 * buffers by lifetime.
 */

/** `length` 4-byte values (f32 or u32). */
export class Buffer {
  #pointer: number | undefined;

  constructor(readonly length: number) {}

  /** Byte address in wasm memory. */
  get pointer(): number {
    if (this.#pointer === undefined) throw new TypeError('buffer used before memory was assigned to it');
    return this.#pointer;
  }

  /** Gives the buffer its place. */
  assign(pointer: number): void {
    this.#pointer = pointer;
  }

  get bytes(): number {
    return this.length * 4;
  }
}
