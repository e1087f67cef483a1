/** A worker that waits for its first message, which says what it is to be: the way of browsers. */
import type { Endpoint } from 'comlink';
import type { FirstMessage } from '../platform/browserWorker.js';
import type { Role } from './protocol.js';
import { serve } from './serve.js';

/** What a worker is to itself. */
type WorkerScope = Endpoint & { postMessage(message: unknown): void };

/** Waits, and serves. */
export function listen(): void {
  const scope = globalThis as unknown as WorkerScope;
  const begin = async ({ role, lock }: FirstMessage): Promise<void> => {
    if (lock !== undefined) await hold(lock);
    await serve(role as Role, scope, () => scope.postMessage('ready'));
  };
  scope.addEventListener(
    'message',
    (event) => {
      // Who started the worker hears of errors, but not of promises that nobody handles.
      begin((event as MessageEvent<FirstMessage>).data).catch(reportError);
    },
    { once: true },
  );
}

/** Takes a lock for as long as this worker lives. */
function hold(lock: string): Promise<void> {
  return new Promise((taken) => {
    void navigator.locks.request(lock, () => {
      taken();
      return new Promise(() => {});
    });
  });
}
