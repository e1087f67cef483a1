/** The program of the package's workers in Node. */
import type { WorkerProgram } from './platform.js';

export const ownWorker: WorkerProgram = () => new URL('../engine/entry.node.js', import.meta.url);
