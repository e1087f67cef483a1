/** Entry of a worker in a browser. The first message says what it is to be. */
import type { Endpoint } from 'comlink';
import type { Role } from './protocol.js';
import { serve } from './serve.js';

const scope = globalThis as unknown as Endpoint & { postMessage(message: unknown): void };
scope.addEventListener(
  'message',
  (event) => {
    void serve((event as MessageEvent<Role>).data, scope, () => scope.postMessage('ready'));
  },
  { once: true },
);
