/**
 * When the buffers of a plan hold something that is still needed, and places for them such that those that do
 * at the same time do not overlap. Time is counted in steps.
 */
import type { Buffer } from '../ops/buffer.js';

/** First and last step that use a buffer's contents. */
export interface Interval {
  first: number;
  last: number;
}

/** A buffer's size, and when it is used: between two intervals its place is free for others. */
export interface Lifetime {
  bytes: number;
  intervals: Interval[];
}

/** Collects the uses of buffers. */
export class Lifetimes {
  readonly #intervals = new Map<Buffer, Interval[]>();

  /** Contents are needed at `time`, and from the other uses until then. */
  use(buffer: Buffer, time: number): void {
    const interval = this.#intervals.get(buffer)?.at(-1);
    if (interval === undefined) this.begin(buffer, time);
    else {
      interval.first = Math.min(interval.first, time);
      interval.last = Math.max(interval.last, time);
    }
  }

  /** Contents are written anew at `time`: what was there before is not needed after its last use. */
  begin(buffer: Buffer, time: number): void {
    const intervals = this.#intervals.get(buffer) ?? [];
    intervals.push({ first: time, last: time });
    this.#intervals.set(buffer, intervals);
  }

  /** Without any use, a buffer takes no room. */
  of(buffer: Buffer): Lifetime {
    const intervals = this.#intervals.get(buffer);
    return intervals === undefined ? { bytes: 0, intervals: [] } : { bytes: buffer.bytes, intervals };
  }
}

function meet(a: Lifetime, b: Lifetime): boolean {
  return a.intervals.some((one) => b.intervals.some((other) => one.first <= other.last && other.first <= one.last));
}

/** Offsets by {@link Lifetime}: largest first, each at the lowest place that is free whenever it is needed. */
export function packByLifetime(
  lifetimes: readonly Lifetime[],
  alignment: number,
): { offsets: number[]; bytes: number } {
  const order = lifetimes.map((_, i) => i).sort((a, b) => lifetimes[b].bytes - lifetimes[a].bytes || a - b);
  const offsets: number[] = new Array(lifetimes.length).fill(0);
  const placed: number[] = [];
  let total = 0;
  for (const i of order) {
    const size = Math.ceil(lifetimes[i].bytes / alignment) * alignment;
    const neighbours = placed.filter((j) => meet(lifetimes[i], lifetimes[j])).sort((a, b) => offsets[a] - offsets[b]);
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
