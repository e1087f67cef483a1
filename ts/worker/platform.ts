/** What the client needs of its platform; implemented for Node and for browsers. */
import type { Endpoint } from 'comlink';
import type { Variant } from '../kernels/variant.js';
import type { Role } from './protocol.js';

/** A worker that has taken its role. */
export interface WorkerHandle {
  endpoint: Endpoint;
  /** Keeps the process alive, or lets it end; nothing to do in a browser. */
  ref(): void;
  unref(): void;
  terminate(): Promise<void>;
}

export interface Platform {
  /** Threads that the machine runs at once. */
  concurrency(): number;
  compile(variant: Variant): Promise<WebAssembly.Module>;
  /**
   * Starts a worker; resolves when it is ready. `lost` is called when it dies later, except by `terminate`.
   *
   * @throws {WorkerLostError} when it does not start.
   */
  spawn(role: Role, lost: (reason: string) => void): Promise<WorkerHandle>;
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a file whole or not at all. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
}

/** A worker of this role in messages. */
export function nameOf({ role }: Role): string {
  return role === 'engine' ? 'the engine worker' : 'a pool worker';
}
