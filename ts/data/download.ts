/**
 * Fetches published files: into a `.part` beside their place, which a later download goes on with; then, when the checksum is the
 * published one, into place.
 */
import { platform } from '#platform';
import { DataError } from '../base/errors.js';
import { md5 } from '../base/md5.js';
import { gunzip } from '../io/gzip.js';
import { readTar } from '../io/tar.js';
import { fetchRest, reasonOf } from '../platform/web.js';
import { join } from './source.js';

/** How a download goes. */
export interface DownloadOptions {
  /** Base address to fetch from, in place of the publisher's. */
  url?: string | URL;
  /** Ends a download; what has come is kept for the next one. */
  signal?: AbortSignal;
  /** Hears of a download as it goes on. */
  onProgress?: (progress: DownloadProgress) => void;
}

/** What has come of a file. */
export interface DownloadProgress {
  file: string;
  receivedBytes: number;
  /** Absent when the server does not say. */
  totalBytes?: number;
}

/** A file with the checksum that its publisher gives. */
export interface PublishedFile {
  name: string;
  md5: string;
  /** It is an archive (`.tar.gz`), whose files are what is wanted. */
  unpack?: boolean;
}

/** How long a server may stay silent. */
const silence = 4000;
/** Bytes that are written at once. */
const together = 2 ** 24;
/** Times that a connection may break, as long as something came before it did. */
const mostBreaks = 20;
/** Bytes of the largest archive, unpacked. */
const longestArchive = 2 ** 28;

/**
 * Fetches files into a folder, from the first address that delivers them all.
 *
 * @returns why it failed, address by address; `undefined` on success.
 * @throws {DataError} when a checksum is wrong: nothing of that file is kept. What aborts the signal.
 */
export async function fetchPublished(
  folder: string | URL,
  files: readonly PublishedFile[],
  published: string | readonly string[],
  options: DownloadOptions,
): Promise<string | undefined> {
  const addresses = options.url === undefined ? [published].flat() : [String(options.url)];
  const failures: string[] = [];
  for (const address of addresses) {
    try {
      await platform.makeFolder(String(folder));
      for (const file of files) await fetchFile(folder, file, address, options);
      return undefined;
    } catch (error) {
      if (options.signal?.aborted || error instanceof DataError) throw error;
      failures.push(`${address}: ${reasonOf(error)}`);
    }
  }
  return `could not be fetched from ${failures.join(', ')}`;
}

async function fetchFile(
  folder: string | URL,
  { name, md5: expected, unpack }: PublishedFile,
  address: string,
  options: DownloadOptions,
): Promise<void> {
  const url = String(join(address, name));
  const part = join(folder, `${name}.part`);
  const before = (await platform.readParts(part, []))?.size ?? 0;
  let bytes = await fetchInto(part, url, name, before, options);
  if (before > 0 && md5(bytes) !== expected) {
    // What was there may have been of another file.
    await platform.removeFile(part);
    bytes = await fetchInto(part, url, name, 0, options);
  }
  const found = md5(bytes);
  if (found !== expected) {
    await platform.removeFile(part);
    throw new DataError(`${url}: expected MD5 ${expected}, found ${found}: file discarded`);
  }
  if (unpack) await unpackInto(folder, name, bytes);
  else await platform.writeFile(join(folder, name), bytes);
  await platform.removeFile(part);
}

/** Brings `part`, which has `before` bytes, to its end; gives all of it. */
async function fetchInto(
  part: string | URL,
  url: string,
  file: string,
  before: number,
  { signal, onProgress }: DownloadOptions,
): Promise<Uint8Array> {
  let done = before;
  for (let breaks = 0; ; breaks++) {
    const from = done;
    let waiting: Uint8Array[] = [];
    let length = 0;
    const write = async (): Promise<void> => {
      const bytes = new Uint8Array(length);
      let at = 0;
      for (const chunk of waiting) {
        bytes.set(chunk, at);
        at += chunk.length;
      }
      await platform.writeFileAt(part, done, bytes);
      done += length;
      [waiting, length] = [[], 0];
    };
    try {
      await fetchRest(url, from, {
        signal,
        silence,
        onStart: (start) => {
          // A server that knows no ranges sends all.
          done = start;
        },
        onChunk: async (chunk, total) => {
          waiting.push(chunk);
          length += chunk.length;
          if (length >= together) await write();
          onProgress?.({ file, receivedBytes: done + length, totalBytes: total });
        },
      });
      await write();
      return (await platform.readFile(part)) as Uint8Array;
    } catch (error) {
      if (length > 0) await write();
      if (signal?.aborted || done <= from || breaks === mostBreaks) throw error;
    }
  }
}

async function unpackInto(folder: string | URL, name: string, zipped: Uint8Array): Promise<void> {
  const archive = await gunzip(name, zipped, () => Math.min(longestArchive, 1000 * zipped.length));
  const files = [...readTar(name, archive)];
  for (const { file, contents } of files) {
    const parts = file.split('/');
    if (parts.some((part) => part === '..' || part === '')) throw new DataError(`${name}: unexpected path ${file}`);
    const place = parts.reduce((above: string | URL, part) => join(above, part), folder);
    await platform.makeFolder(String(place).slice(0, -(parts[parts.length - 1].length + 1)));
    await platform.writeFile(place, contents);
  }
}
