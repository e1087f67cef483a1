/**
 * Files of a page's own, in the origin private file system: `opfs:folder/name`. A browser writes into a copy and puts it in
 * the file's place when it is closed, so that who reads sees the old file or the new one, and a page that is closed in
 * between leaves what was there. Before the first write is done that is a file without a byte, for a copy is made of a file:
 * such a file counts as none.
 */

import type { FilePart, FileParts } from './platform.js';

const scheme = 'opfs:';

/** Whether `path` is one of these. */
export function isOwn(path: string | URL): boolean {
  return String(path).startsWith(scheme);
}

/** Why it cannot be written, as far as that can be known before. */
export function ownFileProblem(path: string | URL): string | undefined {
  const parts = partsOf(String(path));
  if (parts.some((part) => part === '' || part === '.' || part === '..')) {
    return `expected '${scheme}' and the path of a file, without empty parts`;
  }
  if (navigator.storage?.getDirectory === undefined || !('createWritable' in FileSystemFileHandle.prototype)) {
    return 'this browser, or a page that was not loaded securely, has no files of its own';
  }
  return undefined;
}

/** How often a file is opened again that was replaced while it was read. */
const mostReplaced = 100;

/** The bytes of a file, if there is one. */
export function readOwn(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return reading(path, bytesOf);
}

/** Parts of a file, if there is one, and the length of all of it. */
export function readOwnParts(path: string, parts: readonly FilePart[]): Promise<FileParts | undefined> {
  return reading(path, async (file) => {
    const read = parts.map(({ from, length }) => bytesOf(file.slice(from, from + length)));
    return { size: file.size, parts: await Promise.all(read) };
  });
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}

/** What `read` makes of a file; one that another page replaces in the meantime is read from its beginning. */
async function reading<T>(path: string, read: (file: File) => Promise<T>): Promise<T | undefined> {
  for (let replaced = 0; ; replaced++) {
    const handle = await handleOf(path);
    if (handle === undefined) return undefined;
    try {
      const file = await handle.getFile();
      return file.size === 0 ? undefined : await read(file);
    } catch (error) {
      const { name } = error as DOMException;
      if ((name !== 'NotFoundError' && name !== 'NotReadableError') || replaced === mostReplaced) throw error;
    }
  }
}

async function handleOf(path: string): Promise<FileSystemFileHandle | undefined> {
  try {
    const { folder, name } = await placeOf(path, false);
    return await folder.getFileHandle(name);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What is in a folder, sorted by name, if there is one. */
export async function listOwn(path: string): Promise<{ name: string; folder: boolean }[] | undefined> {
  try {
    let folder = await navigator.storage.getDirectory();
    for (const part of partsOf(path).filter((part) => part !== '')) folder = await folder.getDirectoryHandle(part);
    const entries: { name: string; folder: boolean }[] = [];
    for await (const [name, { kind }] of folder) entries.push({ name, folder: kind === 'directory' });
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Writes a file whole, or with `from` what comes from there on, which becomes its end. */
export async function writeOwn(path: string, bytes: Uint8Array, from?: number): Promise<void> {
  const { folder, name } = await placeOf(path, true);
  const handle = await folder.getFileHandle(name, { create: true });
  const file = await handle.createWritable({ keepExistingData: from !== undefined });
  try {
    if (from !== undefined) await file.truncate(from);
    // A copy, for memory that is shared is refused.
    await file.write({ type: 'write', position: from ?? 0, data: new Uint8Array(bytes) });
  } catch (error) {
    await file.abort();
    throw error;
  }
  await file.close();
}

export async function removeOwn(path: string): Promise<void> {
  try {
    const { folder, name } = await placeOf(path, false);
    await folder.removeEntry(name);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function partsOf(path: string): string[] {
  return path.slice(scheme.length).split('/');
}

async function placeOf(path: string, create: boolean): Promise<{ folder: FileSystemDirectoryHandle; name: string }> {
  const parts = partsOf(path);
  const name = parts.pop() as string;
  let folder = await navigator.storage.getDirectory();
  for (const part of parts) folder = await folder.getDirectoryHandle(part, { create });
  return { folder, name };
}

function isMissing(error: unknown): boolean {
  return (error as DOMException).name === 'NotFoundError';
}
