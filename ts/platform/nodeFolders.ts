/** Folders in Node, and parts of files. */
import { mkdir, open, readdir, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, DataError } from '../base/errors.js';
import { filePath, isMissing, isWeb, reasonInWords } from './nodeFiles.js';
import type { FilePart, FileParts } from './platform.js';

/** See `Platform.readParts`. */
export async function readParts(path: string | URL, parts: readonly FilePart[]): Promise<FileParts | undefined> {
  if (isWeb(path)) throw new DataError(`cannot read parts of ${path}: it is a web address`);
  try {
    const file = await open(filePath(path));
    try {
      const { size } = await file.stat();
      const read: Uint8Array[] = [];
      for (const { from, length } of parts) {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, size - from)));
        for (let at = 0; at < bytes.length; ) {
          const { bytesRead } = await file.read(bytes, at, bytes.length - at, from + at);
          if (bytesRead === 0) throw new Error('it became shorter while it was read');
          at += bytesRead;
        }
        read.push(bytes);
      }
      return { size, parts: read };
    } finally {
      await file.close();
    }
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new DataError(`cannot read ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** See `Platform.listFolder`. */
export async function listFolder(path: string | URL): Promise<{ name: string; folder: boolean }[] | undefined> {
  if (isWeb(path)) throw new DataError(`cannot list ${path}: it is a web address`);
  try {
    const folder = filePath(path);
    const entries = await readdir(folder, { withFileTypes: true });
    const listed = entries.map(async (entry) => ({
      name: entry.name,
      folder: entry.isSymbolicLink() ? await leadsToFolder(join(folder, entry.name)) : entry.isDirectory(),
    }));
    return (await Promise.all(listed)).sort(byName);
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new DataError(`cannot list ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** Not so does a link to nothing. */
async function leadsToFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

/** By the numbers of their characters, as Python sorts names: the order is the same in every language. */
function byName(a: { name: string }, b: { name: string }): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

/** See `Platform.makeFolder`. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(filePath(path), { recursive: true });
  } catch (cause) {
    throw new ConfigError(`cannot make the folder ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** See `Platform.cacheFolder`. */
export function cacheFolder(): string {
  if (process.env.KWTA_CACHE) return process.env.KWTA_CACHE;
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'kwta');
  if (process.platform === 'win32') {
    return join(process.env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'kwta', 'Cache');
  }
  return join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'kwta');
}
