/** Node: worker threads, files. */
import { Worker } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import { ConfigError, DataError, WorkerLostError } from '../base/errors.js';
import { isUrl } from '../base/paths.js';
import { isWeb, readBytes, removeFile, whyNotWritable, writeBytes, writeBytesAt } from './nodeFiles.js';
import { cacheFolder, listFolder, makeFolder, readParts } from './nodeFolders.js';
import type { Platform } from './platform.js';
import { concurrency } from './processors.js';
import { compileBytes, fetchWasm } from './wasm.js';

const bundled =
  "a bundler that moves the package's code must leave it a package of its own (external: ['kwta']), or the program " +
  "imports 'kwta/inline', which needs no other files";

export const platform: Platform = {
  describe: () => `Node ${process.versions.node}, ${process.platform} ${process.arch}`,
  concurrency,

  async compile(url) {
    if (isWeb(url)) return fetchWasm(url);
    const bytes = await readBytes(url);
    if (bytes === undefined) throw new DataError(`cannot load ${url}: there is no such file; ${bundled}`);
    return compileBytes(String(url), bytes);
  },

  async spawn(name, program, role, lost) {
    const place = program();
    if (typeof place !== 'string' && !isUrl(place)) {
      throw new ConfigError(`${name}: expected the path or the URL of a worker's program in Node, got another object`);
    }
    // Flags of the process are not for the worker: with `--input-type`, which goes with `--eval`, it would not start.
    const worker = new Worker(place, { workerData: role, execArgv: [] });
    // The client keeps the process alive while calls are pending; an idle runtime must not.
    worker.unref();
    let ready = false;
    let ending = false;
    let failure: string | undefined;
    return new Promise((resolve, reject) => {
      worker.once('message', () => {
        ready = true;
        resolve({
          endpoint: nodeEndpoint(worker),
          ref: () => worker.ref(),
          unref: () => {
            if (!ending) worker.unref();
          },
          terminate: async () => {
            ending = true;
            // Who waits for the end must not find the process gone before.
            worker.ref();
            await worker.terminate();
          },
        });
      });
      worker.ref();
      worker.once('message', () => worker.unref());
      worker.on('error', (error: Error) => {
        failure = error.message;
      });
      worker.on('exit', (code) => {
        const reason = failure ?? `it exited with code ${code}`;
        if (!ready)
          reject(new WorkerLostError(`${name} did not start: ${reason}${failure === undefined ? '' : `; ${bundled}`}`));
        else if (!ending) lost(`${name} died: ${reason}`);
      });
    });
  },

  readFile: readBytes,
  writeFile: writeBytes,
  writeFileAt: writeBytesAt,
  removeFile,
  readParts,
  listFolder,
  makeFolder,
  cacheFolder,
  isLocal: (path) => !isWeb(path),
  dataFolder: () => process.env.KWTA_DATA || undefined,
  checkWritable: whyNotWritable,
};
