/** Browsers: module workers, fetch. */
import { ConfigError, DataError, WorkerLostError } from '../base/errors.js';
import { maxThreads, type Platform } from './platform.js';
import { fetchBytes } from './web.js';

const noFiles = 'a browser cannot write files; keep model.stateDict() instead';

function refuseWriting(path: string | URL): Promise<never> {
  return Promise.reject(new ConfigError(`cannot write ${path}: ${noFiles}`));
}

export const platform: Platform = {
  describe: () => navigator.userAgent,
  concurrency: () => Math.min(navigator.hardwareConcurrency || 1, maxThreads),

  async compile(url) {
    const response = await fetch(url);
    if (!response.ok) throw new WorkerLostError(`cannot load ${url.href}: HTTP ${response.status}`);
    return WebAssembly.compile(await response.arrayBuffer());
  },

  spawn(name, role, lost) {
    const worker = new Worker(new URL('../engine/entry.browser.js', import.meta.url), { type: 'module' });
    return new Promise((resolve, reject) => {
      let ready = false;
      worker.addEventListener('error', (event) => {
        const reason = event.message || 'its script could not be loaded';
        if (ready) return lost(`${name} died: ${reason}`);
        worker.terminate();
        reject(new WorkerLostError(`${name} did not start: ${reason}`));
      });
      worker.addEventListener(
        'message',
        () => {
          ready = true;
          resolve({
            endpoint: worker,
            ref: () => {},
            unref: () => {},
            terminate: async () => worker.terminate(),
          });
        },
        { once: true },
      );
      worker.postMessage(role);
    });
  },

  async readFile(path) {
    try {
      return await fetchBytes(path);
    } catch (cause) {
      throw new DataError(`cannot read ${path}: ${(cause as Error).message}`, { cause });
    }
  },

  writeFile: refuseWriting,
  writeFileAt: refuseWriting,

  checkWritable: () => noFiles,
};
