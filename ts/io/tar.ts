/** Reads files out of a tar archive: blocks of 512 bytes, a header before each file. */
import { DataError } from '../base/errors.js';

const block = 512;

/** The regular files of an archive, with their names as they are in it. @throws {DataError} when it is damaged. */
export function* readTar(
  name: string,
  bytes: Uint8Array,
): Generator<{ file: string; contents: Uint8Array }, void, void> {
  for (let at = 0; at + block <= bytes.length; ) {
    const header = bytes.subarray(at, at + block);
    // The end is a block of zeros.
    if (header.every((byte) => byte === 0)) return;
    const sum = header.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
    if (sum !== octal(header, 148, 8))
      throw new DataError(`${name}: expected a tar archive, found another or a damaged one`);
    const length = octal(header, 124, 12);
    const from = at + block;
    if (from + length > bytes.length)
      throw new DataError(`${name}: expected ${length} more bytes: the archive is truncated`);
    const kind = header[156];
    if (kind === 0 || kind === 0x30)
      yield { file: text(header, 0, 100), contents: bytes.subarray(from, from + length) };
    at = from + block * Math.ceil(length / block);
  }
  throw new DataError(`${name}: expected an end of the archive: it is truncated`);
}

function text(bytes: Uint8Array, from: number, length: number): string {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function octal(bytes: Uint8Array, from: number, length: number): number {
  return Number.parseInt(text(bytes, from, length).trim() || '0', 8);
}
