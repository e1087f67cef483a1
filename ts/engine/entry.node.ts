/** Entry of a worker thread in Node. */
import { parentPort, workerData } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { Role } from './protocol.js';
import { serve } from './serve.js';

if (parentPort === null) throw new Error('this file is the entry of a worker');
const port = parentPort;
await serve(workerData as Role, nodeEndpoint(port), () => port.postMessage('ready'));
