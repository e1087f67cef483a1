/** Entry of a worker thread in Node. */
import { parentPort, workerData } from 'node:worker_threads';
import { serveNode } from './serveNode.js';

if (parentPort === null) throw new Error('this file is the entry of a worker');
await serveNode(parentPort, workerData);
