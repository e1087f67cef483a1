/** Entry of a worker whose program came as text, and so is the same in Node and in browsers. */
import { nodeThreads } from '../platform/nodeThreads.js';
import { listen } from './listen.js';
import { serveNode } from './serveNode.js';

const threads = nodeThreads();
if (threads?.parentPort) await serveNode(threads.parentPort, threads.workerData);
else listen();
