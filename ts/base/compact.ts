/**
 * Values on their way to another worker: a view of a larger buffer is copied to its own size first, for posting
 * it would copy all that lies behind it.
 */

import { isShared } from './arrays.js';

/** The slice of any typed array: a copy in a buffer of its own, for Node's Buffer, too. */
const slice = Object.getPrototypeOf(Float32Array.prototype).slice as (this: ArrayBufferView) => ArrayBufferView;

/** `value` with every view in it as small as it can be; what need not be copied is kept. */
export function compact<T>(value: T): T {
  return compacted(value) as T;
}

function compacted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return isPartial(value) ? slice.call(value) : value;
  // Labels may be a long list of numbers: only what can hold a view is gone through.
  if (Array.isArray(value)) return value.some((item) => typeof item === 'object') ? value.map(compacted) : value;
  if (tagOf(value) !== '[object Object]') return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, compacted(inner)]));
}

/** Memory that is shared is not copied, however large it is. */
function isPartial(view: ArrayBufferView): boolean {
  return view.byteLength < view.buffer.byteLength && !isShared(view);
}

function tagOf(value: object): string {
  return Object.prototype.toString.call(value);
}
