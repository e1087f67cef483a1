/** Browsers: module workers, fetch. */
import { ConfigError, WorkerLostError } from '../base/errors.js';
import type { Platform } from './platform.js';

export const platform: Platform = {
  concurrency: () => navigator.hardwareConcurrency,

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
    const response = await fetch(path);
    if (!response.ok) throw new ConfigError(`cannot read ${path}: HTTP ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  },

  writeFile(path) {
    return Promise.reject(new ConfigError(`a browser cannot write the file ${path}; keep model.stateDict() instead`));
  },

  checkWritable: () => 'a browser cannot write files; keep model.stateDict() instead',
};
