/**
 * The client's side of the boundary: workers started, calls awaited, errors revived. When a worker dies,
 * every call that is pending rejects, as does every later one.
 */

import * as comlink from 'comlink';
import { platform } from '#platform';
import { fromPlainError, WorkerLostError } from '../base/errors.js';
import type { Engine, JobControl, JobMessage, RemoteEngine, Reply, Role } from '../engine/protocol.js';
import { createSharedMemory, wasmUrl } from '../kernels/load.js';
import type { Variant } from '../kernels/variant.js';
import type { WorkerHandle } from '../platform/platform.js';

/** How a long job is watched and stopped. */
export interface JobOptions<Progress> {
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}

/** Engines started by this thread. Each numbers its models apart, so that none takes another's for its own. */
let engines = 0;
const modelsPerEngine = 2 ** 32;

type Result<Name extends keyof Engine> = Awaited<ReturnType<Engine[Name]>>;

type WithoutPort<Arguments extends unknown[]> = Arguments extends [...infer Rest, MessagePort] ? Rest : never;

export class Connection {
  readonly #workers: WorkerHandle[] = [];
  /** Rejections of the calls that are pending. */
  readonly #pending = new Set<(error: Error) => void>();
  #ended: Error | undefined;
  #engine: WorkerHandle | undefined;
  #remote: RemoteEngine | undefined;

  private constructor() {}

  /** Starts an engine and, for `threads` > 1, its team of threads. @throws {WorkerLostError}, {MemoryError} */
  static async open(variant: Variant, threads: number): Promise<Connection> {
    const connection = new Connection();
    try {
      const module = await platform.compile(wasmUrl(variant));
      const memory = variant === 'simd' ? undefined : createSharedMemory();
      const engine = await connection.#spawn({ role: 'engine' });
      connection.#engine = engine;
      connection.#remote = comlink.wrap<RemoteEngine>(engine.endpoint) as unknown as RemoteEngine;
      await connection.call('start', { variant, module, memory, firstModel: modelsPerEngine * engines++ });
      if (memory !== undefined) {
        const role = { role: 'team', variant, module, memory } as const;
        await Promise.all(Array.from({ length: threads - 1 }, () => connection.#spawn(role)));
        await connection.call('startTeam', threads);
      }
      return connection;
    } catch (error) {
      await connection.close(new WorkerLostError('the runtime did not start'));
      throw error;
    }
  }

  /** Calls a method of the engine. @throws what the method throws, or {WorkerLostError}. */
  async call<Name extends keyof Engine>(name: Name, ...args: Parameters<Engine[Name]>): Promise<Result<Name>> {
    return unwrap(await this.#request(name, args));
  }

  /**
   * Calls a method whose last argument is a port: progress comes back over it, an abort goes out. All progress
   * that was made is reported before the result, or the failure, is.
   *
   * @throws the signal's AbortError when it is aborted.
   */
  async job<Name extends keyof Engine, Progress>(
    name: Name,
    args: WithoutPort<Parameters<Engine[Name]>>,
    options: JobOptions<Progress>,
  ): Promise<Result<Name>> {
    const { signal, onProgress } = options;
    signal?.throwIfAborted();
    const { port1, port2 } = new MessageChannel();
    const drained = new Promise<void>((resolve) => {
      port1.onmessage = ({ data }: MessageEvent<JobMessage<Progress>>) => {
        if ('end' in data) resolve();
        else onProgress?.(data.progress);
      };
    });
    const cancel = (): void => port1.postMessage('cancel' satisfies JobControl);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      const withPort = [...args, comlink.transfer(port2, [port2])] as unknown as Parameters<Engine[Name]>;
      const reply = await this.#request(name, withPort);
      // It may overtake the progress that was sent before it.
      await drained;
      return unwrap(reply);
    } catch (error) {
      // The caller's own reason, rather than its copy from the worker.
      if (signal?.aborted && error instanceof Error && error.name === 'AbortError') signal.throwIfAborted();
      throw error;
    } finally {
      signal?.removeEventListener('abort', cancel);
      port1.close();
    }
  }

  /** Sends a call and waits for its reply. @throws when there will be none. */
  async #request<Name extends keyof Engine>(name: Name, args: Parameters<Engine[Name]>): Promise<Reply<Result<Name>>> {
    if (this.#ended !== undefined) throw this.#ended;
    const method = (this.#remote as RemoteEngine)[name] as (...args: unknown[]) => Promise<Reply<Result<Name>>>;
    let lost: ((error: Error) => void) | undefined;
    const whenLost = new Promise<never>((_, reject) => {
      lost = reject;
      this.#pending.add(reject);
    });
    if (this.#pending.size === 1) this.#engine?.ref();
    try {
      return await Promise.race([method(...args), whenLost]);
    } finally {
      this.#pending.delete(lost as (error: Error) => void);
      if (this.#pending.size === 0) this.#engine?.unref();
    }
  }

  /** Ends all workers; pending calls reject with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#end(reason);
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  async #spawn(role: Role): Promise<WorkerHandle> {
    const handle = await platform.spawn(
      role.role === 'engine' ? 'the engine worker' : 'a worker of the team',
      role,
      (reason) => {
        this.#end(new WorkerLostError(`${reason}; create a new runtime`));
        // The others may wait for the dead one for ever.
        for (const worker of this.#workers.splice(0)) void worker.terminate();
      },
    );
    this.#workers.push(handle);
    return handle;
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const reject of this.#pending) reject(this.#ended);
  }
}

function unwrap<T>(reply: Reply<T>): T {
  if (!reply.ok) throw fromPlainError(reply.error);
  return reply.value;
}
