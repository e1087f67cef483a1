/** Reads a file's bytes from a path, a URL or memory, plain or gzipped. */
import { platform } from '#platform';
import { isUint8Array } from '../base/arrays.js';
import { DataError } from '../base/errors.js';
import { isUrl } from '../base/paths.js';
import { describe } from '../base/tensor.js';
import { gunzip, isGzip, type LengthRule } from '../io/gzip.js';

/** A path or URL (Node), a URL (browser), as text or a URL object, or the bytes themselves. */
export type Source = string | URL | Uint8Array;

/** A file's contents, unzipped, and what to call it in messages. */
export interface SourceFile {
  name: string;
  bytes: Uint8Array;
}

/**
 * Reads `source` and unzips it when it starts with the magic bytes of gzip.
 *
 * @param argument the name of the argument that `source` was, for messages.
 * @param lengthOf how many bytes a file of its format has.
 * @throws {DataError} when it cannot be read or unzipped.
 */
export async function readSource(argument: string, source: Source, lengthOf: LengthRule): Promise<SourceFile> {
  const file = await readSourceIfExists(argument, source, lengthOf);
  if (file === undefined) throw new DataError(`${argument}: expected a file, found none at ${String(source)}`);
  return file;
}

/** As {@link readSource}, but `undefined` when there is no such file. */
export async function readSourceIfExists(
  argument: string,
  source: Source,
  lengthOf: LengthRule,
): Promise<SourceFile | undefined> {
  if (isUint8Array(source)) return unzipped(argument, source, lengthOf);
  if ((typeof source !== 'string' || source === '') && !isUrl(source)) {
    throw new DataError(`${argument}: expected a path, a URL or a Uint8Array, got ${describe(source)}`);
  }
  const bytes = await readBytesIfExists(argument, source);
  return bytes && unzipped(String(source), bytes, lengthOf);
}

/** A file as it is; `undefined` when there is none. @throws {DataError} when it cannot be read. */
export async function readBytesIfExists(argument: string, source: string | URL): Promise<Uint8Array | undefined> {
  try {
    return await platform.readFile(source);
  } catch (cause) {
    throw new DataError(`${argument}: ${(cause as Error).message}`, { cause });
  }
}

/** The place `name` inside the folder or base URL `parent`. */
export function join(parent: string | URL, name: string): string | URL {
  if (isUrl(parent)) return new URL(name, parent.href.endsWith('/') ? parent.href : `${parent.href}/`);
  return parent.endsWith('/') ? parent + name : `${parent}/${name}`;
}

async function unzipped(name: string, bytes: Uint8Array, lengthOf: LengthRule): Promise<SourceFile> {
  // A plain view, for a Buffer's methods differ from those of other byte arrays.
  const plain = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { name, bytes: isGzip(plain) ? await gunzip(name, plain, lengthOf) : plain };
}
