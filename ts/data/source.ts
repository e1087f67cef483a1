/**
 * Reads a file's bytes from a path, a URL or memory, plain or gzipped. The one place that knows where files are:
 * on disk in Node, behind `fetch` in a browser.
 */
import { DataError } from '../base/errors.js';
import { describe } from '../base/tensor.js';

/** A path (Node) or relative URL (browser), a URL, or the bytes themselves. */
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
 * @throws {DataError} when it cannot be read or unzipped.
 */
export async function readSource(argument: string, source: Source): Promise<SourceFile> {
  const file = await readSourceIfExists(argument, source);
  if (file === undefined) throw new DataError(`${argument}: expected a file, found none at ${String(source)}`);
  return file;
}

/** As {@link readSource}, but `undefined` when there is no such file. */
export async function readSourceIfExists(argument: string, source: Source): Promise<SourceFile | undefined> {
  if (source instanceof Uint8Array) return { name: argument, bytes: await unzip(argument, source) };
  if (typeof source !== 'string' && !(source instanceof URL)) {
    throw new DataError(`${argument}: expected a path, a URL or a Uint8Array, got ${describe(source)}`);
  }
  const name = String(source);
  let bytes: Uint8Array | undefined;
  try {
    bytes = await (isOnDisk(source) ? readFromDisk(source) : readFromWeb(source));
  } catch (cause) {
    throw new DataError(`${argument}: could not read ${name}: ${(cause as Error).message}`, { cause });
  }
  return bytes && { name, bytes: await unzip(name, bytes) };
}

/** The place `name` inside the folder or base URL `parent`. */
export function join(parent: string | URL, name: string): string | URL {
  if (parent instanceof URL) return new URL(name, parent.href.endsWith('/') ? parent : `${parent.href}/`);
  return parent.endsWith('/') ? parent + name : `${parent}/${name}`;
}

function isOnDisk(source: string | URL): boolean {
  if (source instanceof URL) return source.protocol === 'file:';
  return isNode() && !/^https?:\/\//.test(source);
}

function isNode(): boolean {
  return typeof process !== 'undefined' && process.versions?.node !== undefined;
}

async function readFromDisk(path: string | URL): Promise<Uint8Array | undefined> {
  // Not an import: a bundler for the browser must not see the module.
  const { readFile } = process.getBuiltinModule('node:fs/promises');
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function readFromWeb(url: string | URL): Promise<Uint8Array | undefined> {
  const response = await fetch(url);
  if (response.status === 404) return undefined;
  if (!response.ok) throw new Error(`the server answered ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function unzip(name: string, bytes: Uint8Array): Promise<Uint8Array> {
  // A plain view, for a Buffer's methods differ from those of other byte arrays.
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  // Copied, for a stream takes no views of shared memory.
  const stream = new Blob([new Uint8Array(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new DataError(`${name}: expected gzip data, but they are damaged or truncated`, { cause });
  }
}
