/** The program of the package's workers in a browser. */
import type { WorkerProgram } from './platform.js';

// Bundlers find a worker by this pattern.
export const ownWorker: WorkerProgram = () =>
  new Worker(new URL('../engine/entry.browser.js', import.meta.url), { type: 'module' });
