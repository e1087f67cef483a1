/** A worker thread of Node, which was given its role when it was made. */
import type { MessagePort } from 'node:worker_threads';
import nodeEndpoint from 'comlink/dist/esm/node-adapter.mjs';
import type { Role } from './protocol.js';
import { serve } from './serve.js';

/** Serves in the role that came as the worker's data. */
export function serveNode(port: MessagePort, data: unknown): Promise<void> {
  return serve(data as Role, nodeEndpoint(port), () => port.postMessage('ready'));
}
