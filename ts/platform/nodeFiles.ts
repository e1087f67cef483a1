/**
 * Files in Node: one reader and one writer.
 *
 * The writer makes a new file beside the old one under a name of its own, brings it to the disk, and renames it: who
 * reads sees the old file or the new one, several writers do not meet, and a failure leaves what was there.
 */
import { randomUUID } from 'node:crypto';
import { accessSync, constants, readlinkSync, type Stats, statSync, writeSync } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ConfigError, DataError } from '../base/errors.js';
import { isUrl } from '../base/paths.js';
import { fetchBytes, reasonOf } from './web.js';

/** As long a chain of links as Linux follows. */
const MOST_LINKS = 40;
const TOO_MANY_LINKS = 'too many links follow each other';

/** See `Platform.readFile`. */
export async function readBytes(path: string | URL): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return isWeb(path) ? await fetchBytes(path) : bytesOf(await readFile(filePath(path)));
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw new DataError(`cannot read ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** See `Platform.writeFile`. */
export async function writeBytes(path: string | URL, bytes: Uint8Array): Promise<void> {
  const problem = whyNotWritable(path);
  if (problem !== undefined) throw new ConfigError(`cannot write ${path}: ${problem}`);
  try {
    const place = placeOf(filePath(path));
    if (place.kind === 'direct') await writeDirectly(place.path, bytes);
    else if (place.kind === 'open') await writeOpen(place.descriptor, bytes);
    else await replace(place, bytes);
  } catch (cause) {
    throw new ConfigError(`cannot write ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** See `Platform.removeFile`. */
export async function removeFile(path: string | URL): Promise<void> {
  try {
    await rm(filePath(path), { force: true });
  } catch (cause) {
    throw new ConfigError(`cannot remove ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** See `Platform.writeFileAt`. */
export async function writeBytesAt(path: string | URL, from: number, bytes: Uint8Array): Promise<void> {
  const problem = whyNotWritable(path);
  if (problem !== undefined) throw new ConfigError(`cannot write ${path}: ${problem}`);
  try {
    const file = await open(filePath(path), constants.O_RDWR | constants.O_CREAT);
    try {
      await file.truncate(from);
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, from + at);
        at += bytesWritten;
      }
      await file.datasync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new ConfigError(`cannot write ${path}: ${reasonInWords(cause)}`, { cause });
  }
}

/** See `Platform.checkWritable`. */
export function whyNotWritable(path: string | URL): string | undefined {
  if (path === '') return 'expected the path of a file';
  if (isWeb(path)) return 'it is a web address';
  try {
    const text = filePath(path);
    if (/[/\\]$/.test(text)) return `${text} is the path of a folder`;
    const place = placeOf(text);
    return place.kind === 'regular' ? whyNotReplaceable(place) : whyNoAccess(place.path);
  } catch (error) {
    return reasonInWords(error);
  }
}

function whyNotReplaceable({ path, old }: Regular): string | undefined {
  const folder = dirname(path);
  const holder = statOf(folder);
  if (holder === undefined) return `there is no folder ${folder}`;
  if (!holder.isDirectory()) return `${folder} is no folder`;
  if (old?.isDirectory()) return `${path} is a folder`;
  if (whyNoAccess(folder) !== undefined) return `the folder ${folder} cannot be written to`;
  return old && whyNoAccess(path);
}

function whyNoAccess(path: string): string | undefined {
  try {
    accessSync(path, constants.W_OK);
    return undefined;
  } catch {
    return `${path} cannot be written to`;
  }
}

/** A file that is there, or will be. */
interface Regular {
  kind: 'regular';
  /** With no link at its end. */
  path: string;
  old?: Stats;
}

/** What `path` leads to: a device or a pipe, and what this process has open (`/dev/stdout`), are not to be replaced. */
type Place = Regular | { kind: 'direct'; path: string } | { kind: 'open'; path: string; descriptor: number };

function placeOf(path: string): Place {
  const old = statOf(path);
  let end = resolve(path);
  for (let links = 0; ; links++) {
    const [, descriptor] = end.match(/^\/(?:proc\/self|dev)\/fd\/(\d+)$/) ?? [];
    if (descriptor !== undefined) return { kind: 'open', path, descriptor: Number(descriptor) };
    const next = linkAt(end);
    if (next === undefined) {
      const regular = old === undefined || old.isFile() || old.isDirectory();
      return regular ? { kind: 'regular', path: end, old } : { kind: 'direct', path };
    }
    if (links === MOST_LINKS) throw new Error(TOO_MANY_LINKS);
    end = resolve(dirname(end), next);
  }
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

function linkAt(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    // Not a link, or nothing there yet.
    return undefined;
  }
}

async function writeDirectly(path: string, bytes: Uint8Array): Promise<void> {
  const file = await open(path, constants.O_WRONLY);
  try {
    await file.writeFile(bytes);
  } finally {
    await file.close();
  }
}

/** Where the process's other output to the same file ends. */
async function writeOpen(descriptor: number, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(descriptor, bytes, at);
    } catch (error) {
      // A pipe or socket that is full for now: Node opens its own so that they do not wait.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await setTimeout(1);
    }
  }
}

async function replace({ path, old }: Regular, bytes: Uint8Array): Promise<void> {
  const mode = old && old.mode & 0o7777;
  const temporary = join(dirname(path), `.kwta-${randomUUID()}.tmp`);
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, 'wx', mode ?? 0o666);
    // The process's mask took bits away.
    if (mode !== undefined) await file.chmod(mode);
    await file.writeFile(bytes);
    await file.sync();
    await file.close();
    file = undefined;
    await rename(temporary, path);
  } catch (error) {
    await file?.close();
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Whether `path` is to be fetched. */
export function isWeb(path: string | URL): boolean {
  return isUrl(path) ? !path.href.startsWith('file:') : /^https?:\/\//i.test(path);
}

/** The path that a `file:` URL, as text or an object, means; other text is one. */
export function filePath(path: string | URL): string {
  if (isUrl(path)) return fileURLToPath(path.href);
  return /^file:\/\//i.test(path) ? fileURLToPath(path) : path;
}

/** A plain view, for a Buffer's methods differ from those of other byte arrays. */
function bytesOf(buffer: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** Whether there is nothing at a path. */
export function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '');
}

const REASONS: Record<string, string> = {
  EISDIR: 'it is a folder',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOSPC: 'the disk is full',
  EROFS: 'the disk cannot be written to',
  ELOOP: TOO_MANY_LINKS,
  ENAMETOOLONG: 'the name is too long',
};

/** What went wrong with a file. */
export function reasonInWords(error: unknown): string {
  return REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? reasonOf(error);
}
