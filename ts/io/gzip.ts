/**
 * Unzips whole files of gzip, and what is deflated inside other files, the same in every environment.
 *
 * By pako, loaded when first needed (11 kB compressed in a page). The platforms' own `DecompressionStream` differ: a
 * second member or zeros behind the last are refused by newer ones and passed over by older ones, and where one member
 * ends they do not say, so that nothing around them can make that even. fflate is a quarter of pako's size, but takes
 * wrong checksums and refuses zeros at the end. Pako is about a third as fast as zlib: a second for Fashion-MNIST.
 */
import { DataError } from '../base/errors.js';

/**
 * How many bytes a file of some format has, from its name and how it starts.
 *
 * @throws {DataError} when it does not start like a file of that format.
 */
export type LengthRule = (name: string, start: Uint8Array) => number;

/** Bytes unzipped before the rule is asked. */
const START = 2 ** 16;
/** Deflate makes at most this many bytes from one. */
export const mostFromOne = 1032;
/** zlib's numbers for a window of 32 kB in each wrapping. */
const WINDOWS = { gzip: 31, zlib: 15 };

/** What is around deflated data: a file of gzip, or the two bytes and the checksum of zlib. */
export type Wrapping = keyof typeof WINDOWS;

export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * The contents of all members; zeros behind the last are padding. No more is unzipped than `lengthOf` says, so that a
 * small file cannot fill the memory.
 *
 * @param name what to call the file in messages.
 * @throws {DataError} when the data are damaged, truncated, or longer than `lengthOf` says.
 */
export function gunzip(name: string, bytes: Uint8Array, lengthOf: LengthRule): Promise<Uint8Array> {
  return inflate(name, bytes, lengthOf, 'gzip');
}

/** As {@link gunzip}; in zlib's wrapping there is one stream, and nothing behind it. */
export async function inflate(
  name: string,
  bytes: Uint8Array,
  lengthOf: LengthRule,
  wrapping: Wrapping,
): Promise<Uint8Array> {
  const { Z_BUF_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END, ZStream, zlibInflate, zlibInflateInit2, zlibInflateReset } =
    await import('pako');
  const stream = new ZStream();
  zlibInflateInit2(stream, WINDOWS[wrapping]);
  Object.assign(stream, { input: bytes, next_in: 0, avail_in: bytes.length });
  Object.assign(stream, { output: new Uint8Array(START), next_out: 0, avail_out: START });
  let length: number | undefined;
  for (;;) {
    const status = zlibInflate(stream, Z_NO_FLUSH);
    if (status === Z_STREAM_END) {
      if (bytes.subarray(stream.next_in).every((byte) => byte === 0)) break;
      if (wrapping !== 'gzip') throw new DataError(`${name}: expected nothing behind the deflated data`);
      zlibInflateReset(stream);
    } else if ((status !== Z_OK && status !== Z_BUF_ERROR) || stream.avail_out > 0) {
      const what = status === Z_OK || status === Z_BUF_ERROR ? 'they end too early' : stream.msg;
      throw new DataError(`${name}: expected ${wrapping} data, but they are damaged or truncated (${what})`);
    } else if (length === undefined) {
      length = lengthOf(name, stream.output);
      // One more than allowed, so that what is too long shows.
      const output = allocate(name, Math.max(length + 1, START), bytes.length);
      output.set(stream.output);
      Object.assign(stream, { output, avail_out: output.length - START });
    }
    if (stream.next_out > (length ?? START)) {
      throw new DataError(`${name}: expected ${length} unzipped bytes, found more: there are bytes after the end`);
    }
  }
  return stream.output.subarray(0, stream.next_out);
}

function allocate(name: string, length: number, zipped: number): Uint8Array {
  if (length - 1 > zipped * mostFromOne) {
    throw new DataError(
      `${name}: expected ${length - 1} unzipped bytes, which ${zipped} zipped bytes cannot hold: the file is truncated`,
    );
  }
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new DataError(`${name}: expected fewer than ${length} unzipped bytes: this platform cannot hold them`, {
      cause,
    });
  }
}
