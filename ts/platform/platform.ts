/** What differs between Node and browsers: files, workers, processors. One interface, two implementations. */
import type { Endpoint } from 'comlink';

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
  compile(wasm: URL): Promise<WebAssembly.Module>;
  /**
   * Starts a worker of the engine; resolves when it is ready. `lost` is called when it dies later, except by
   * `terminate`.
   *
   * @param name what to call it in messages.
   * @param role its first message.
   * @throws {WorkerLostError} when it does not start.
   */
  spawn(name: string, role: object, lost: (reason: string) => void): Promise<WorkerHandle>;
  readFile(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** Writes a file whole or not at all. */
  writeFile(path: string, bytes: Uint8Array): Promise<void>;
  /** Why {@link writeFile} would refuse `path`, in words, as far as it can be known before; `undefined` when it would not. */
  checkWritable(path: string): string | undefined;
}
