/** What differs between Node and browsers: files, workers, processors. One interface, two implementations. */
import type { Endpoint } from 'comlink';

/** Most threads that a team may have. */
export const maxThreads = 256;

/** Starts a worker, or says where its program is. */
export type WorkerProgram = () => string | URL | Worker;

/** A worker that has taken its role. */
export interface WorkerHandle {
  endpoint: Endpoint;
  /** Keeps the process alive, or lets it end; nothing to do in a browser. */
  ref(): void;
  unref(): void;
  terminate(): Promise<void>;
}

/** Some bytes of a file. */
export interface FilePart {
  from: number;
  length: number;
}

/** What was read. */
export interface FileParts {
  /** Bytes of the whole file. */
  size: number;
  parts: Uint8Array[];
}

export interface Platform {
  /** What this is, in words, for reports. */
  describe(): string;
  /** Threads that this process may run at once, from 1 to {@link maxThreads}. */
  concurrency(): number;
  /**
   * The kernels at an address.
   *
   * @throws {DataError} when something else is there; {ConfigError} when WebAssembly is forbidden.
   */
  compile(wasm: string | URL): Promise<WebAssembly.Module>;
  /**
   * Starts a worker of the engine; resolves when it is ready. `lost` is called when it dies later, except by
   * `terminate`.
   *
   * @param name what to call it in messages.
   * @param program what it runs.
   * @param role its first message.
   * @throws {WorkerLostError} when it does not start.
   */
  spawn(name: string, program: WorkerProgram, role: object, lost: (reason: string) => void): Promise<WorkerHandle>;
  /**
   * The bytes of a file; `undefined` when there is none. In Node `path` is a path, a `file:` URL or a web address, as
   * text or a URL object; in a browser whatever `fetch` takes, or `opfs:` and the path of a file that the page wrote.
   *
   * @throws {DataError} naming the path when it cannot be read for another reason.
   */
  readFile(path: string | URL): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /**
   * Writes a file whole or not at all. In Node links are followed, an old file's mode is kept; a device or a pipe is
   * written to directly. A browser writes to `opfs:` and a path, in the page's own files.
   *
   * @throws {ConfigError} naming the path and the reason.
   */
  writeFile(path: string | URL, bytes: Uint8Array): Promise<void>;
  /**
   * Writes bytes into a file from a place on, which becomes its new end, and brings them to the disk (Node only).
   *
   * @throws {ConfigError} naming the path and the reason.
   */
  writeFileAt(path: string | URL, from: number, bytes: Uint8Array): Promise<void>;
  /**
   * Parts of a file, in Node or of the page's own, with the length of all of it; `undefined` when there is none. A part beyond
   * the end is as short as the file makes it.
   *
   * @throws {DataError} naming the path when it cannot be read, or only as a whole.
   */
  readParts(path: string | URL, parts: readonly FilePart[]): Promise<FileParts | undefined>;
  /**
   * What is in a folder, in Node or of the page's own, sorted by name; `undefined` when there is none.
   *
   * @throws {DataError} naming the path when it cannot be read.
   */
  listFolder(path: string | URL): Promise<{ name: string; folder: boolean }[] | undefined>;
  /** Makes a folder for {@link writeFile}, with those above it. @throws {ConfigError} naming the path and the reason. */
  makeFolder(path: string): Promise<void>;
  /** Where programs keep what can be fetched again: a path for {@link writeFile}. `KWTA_CACHE` in Node, if it is set. */
  cacheFolder(): string;
  /** Whether `path` is a file or folder of this machine or page, for {@link readParts} and {@link listFolder}. */
  isLocal(path: string | URL): boolean;
  /** What `KWTA_DATA` names, in Node. */
  dataFolder(): string | undefined;
  /** Removes a file that {@link writeFile} wrote, if it is there. @throws {ConfigError} naming the path and the reason. */
  removeFile(path: string | URL): Promise<void>;
  /** Why {@link writeFile} would refuse `path`, in words, as far as it can be known before; `undefined` when it would not. */
  checkWritable(path: string | URL): string | undefined;
}
