/** Browsers: module workers, fetch, the page's own files. */
import { ConfigError, DataError } from '../base/errors.js';
import { spawnWorker } from './browserWorker.js';
import { isOwn, listOwn, ownFileProblem, readOwn, readOwnParts, removeOwn, writeOwn } from './ownFiles.js';
import { maxThreads, type Platform } from './platform.js';
import { fetchWasm } from './wasm.js';
import { fetchBytes } from './web.js';

const noFiles =
  "a browser cannot write files there; begin the path with 'opfs:' for the page's own files, or keep model.stateDict()";

async function reading<T>(path: string | URL, read: (path: string) => Promise<T>): Promise<T> {
  try {
    if (!isOwn(path)) throw new Error("a browser reads whole addresses; parts and folders are of 'opfs:' paths");
    return await read(String(path));
  } catch (cause) {
    throw new DataError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
}

async function writing(path: string | URL, write: (path: string) => Promise<void>): Promise<void> {
  const problem = whyNotWritable(path);
  if (problem !== undefined) throw new ConfigError(`cannot write ${path}: ${problem}`);
  try {
    await write(String(path));
  } catch (cause) {
    throw new ConfigError(`cannot write ${path}: ${(cause as Error).message}`, { cause });
  }
}

function whyNotWritable(path: string | URL): string | undefined {
  return isOwn(path) ? ownFileProblem(path) : noFiles;
}

export const platform: Platform = {
  describe: () => navigator.userAgent,
  concurrency: () => Math.min(navigator.hardwareConcurrency || 1, maxThreads),

  compile: fetchWasm,
  spawn: spawnWorker,

  async readFile(path) {
    try {
      return await (isOwn(path) ? readOwn(String(path)) : fetchBytes(path));
    } catch (cause) {
      throw new DataError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
    }
  },

  writeFile: (path, bytes) => writing(path, (own) => writeOwn(own, bytes)),
  writeFileAt: (path, from, bytes) => writing(path, (own) => writeOwn(own, bytes, from)),
  removeFile: (path) => writing(path, removeOwn),
  readParts: (path, parts) => reading(path, (own) => readOwnParts(own, parts)),
  listFolder: (path) => reading(path, listOwn),
  // Writing a file makes what is above it.
  makeFolder: async () => {},
  cacheFolder: () => 'opfs:kwta',
  isLocal: isOwn,
  dataFolder: () => undefined,

  checkWritable: whyNotWritable,
};
