/**
 * The client's side of the boundary: workers started, calls awaited, errors revived. When a worker dies,
 * every call that is pending rejects, as does every later one.
 */

import * as comlink from 'comlink';
import { platform } from '#platform';
import { compact } from '../base/compact.js';
import { fromPlainError, WorkerLostError } from '../base/errors.js';
import type { Engine, JobHandle, RemoteEngine, Reply, Role } from '../engine/protocol.js';
import { createSharedMemory } from '../kernels/memory.js';
import type { Variant } from '../kernels/variant.js';
import type { WorkerHandle, WorkerProgram } from '../platform/platform.js';
import { type JobOptions, watchJob } from './job.js';
import type { Kit } from './kit.js';

type Result<Name extends keyof Engine> = Awaited<ReturnType<Engine[Name]>>;

type WithoutHandle<Arguments extends unknown[]> = Arguments extends [...infer Rest, JobHandle] ? Rest : never;

export class Connection {
  readonly #workers: WorkerHandle[] = [];
  /** Rejections of the calls that are pending. */
  readonly #pending = new Set<(error: Error) => void>();
  #ended: Error | undefined;
  #engine: WorkerHandle | undefined;
  #remote: RemoteEngine | undefined;
  #jobs = 0;

  private constructor(
    /** What its workers run. */
    readonly program: WorkerProgram,
    /** The build of the kernels, and the threads that run it. */
    readonly variant: Variant,
    readonly threads: number,
  ) {}

  /**
   * Starts an engine and, for `threads` > 1, its team of threads.
   *
   * @throws {WorkerLostError}, {MemoryError}; {DataError}, {ConfigError} when there are no kernels.
   */
  static async open(kit: Kit, variant: Variant, threads: number): Promise<Connection> {
    const connection = new Connection(kit.program, variant, threads);
    try {
      const module = await kit.compile(variant);
      const memory = variant === 'simd' ? undefined : createSharedMemory();
      const engine = await connection.#spawn({ role: 'engine' });
      connection.#engine = engine;
      connection.#remote = comlink.wrap<RemoteEngine>(engine.endpoint) as unknown as RemoteEngine;
      await connection.call('start', { variant, module, memory });
      if (memory !== undefined) {
        const role = { role: 'team', variant, module, memory } as const;
        // All have started or failed before any is ended: one that is still starting could not be.
        const team = await Promise.allSettled(Array.from({ length: threads - 1 }, () => connection.#spawn(role)));
        for (const start of team) if (start.status === 'rejected') throw start.reason;
        await connection.call('startTeam', threads, threads > platform.concurrency());
      }
      return connection;
    } catch (error) {
      await connection.close(new WorkerLostError('the runtime did not start'));
      throw error;
    }
  }

  /** Calls a method of the engine. @throws what the method throws, or {WorkerLostError}. */
  async call<Name extends keyof Engine>(name: Name, ...args: Parameters<Engine[Name]>): Promise<Result<Name>> {
    return unwrap(await this.#untilEnd(() => this.#send(name, compact(args))));
  }

  /**
   * Calls a method that runs long: progress comes back, an abort goes out. Progress that was made is reported
   * before the result is, and before the failure.
   *
   * @param id number of the job, from {@link newJob}.
   * @param feed a port that goes along, for what the job is fed with.
   * @throws the reason of the signal, soon after it is aborted: the engine may still be in a step. What
   *   `onProgress` throws, or what the promise that it returns rejects with; the job is ended then, too.
   */
  async job<Name extends keyof Engine, Progress>(
    name: Name,
    args: WithoutHandle<Parameters<Engine[Name]>>,
    options: JobOptions<Progress>,
    id = this.newJob(),
    feed?: MessagePort,
  ): Promise<Result<Name>> {
    const start = (port: MessagePort) => {
      const handle = comlink.transfer({ id, port, feed }, feed === undefined ? [port] : [port, feed]);
      return this.#send(name, [...compact(args), handle] as unknown as Parameters<Engine[Name]>);
    };
    const cancel = () => void this.#send('cancel', [id]);
    return unwrap(await this.#untilEnd((lost) => watchJob(name, start, cancel, lost, options)));
  }

  /** Number for a job, by which other calls can name it. */
  newJob(): number {
    return this.#jobs++;
  }

  /** Ends all workers; pending calls reject with `reason`. */
  async close(reason: Error): Promise<void> {
    this.#end(reason);
    await Promise.all(this.#workers.splice(0).map((worker) => worker.terminate()));
  }

  #send<Name extends keyof Engine>(name: Name, args: Parameters<Engine[Name]>): Promise<Reply<Result<Name>>> {
    const method = (this.#remote as RemoteEngine)[name] as (...args: unknown[]) => Promise<Reply<Result<Name>>>;
    return method(...args);
  }

  /** What `work` gives, unless the workers end before: then nothing that it waits for may come any more. */
  async #untilEnd<T>(work: (lost: Promise<never>) => Promise<T>): Promise<T> {
    if (this.#ended !== undefined) throw this.#ended;
    let lost: ((error: Error) => void) | undefined;
    const whenLost = new Promise<never>((_, reject) => {
      lost = reject;
      this.#pending.add(reject);
    });
    if (this.#pending.size === 1) this.#engine?.ref();
    try {
      return await Promise.race([work(whenLost), whenLost]);
    } finally {
      this.#pending.delete(lost as (error: Error) => void);
      if (this.#pending.size === 0) this.#engine?.unref();
    }
  }

  async #spawn(role: Role): Promise<WorkerHandle> {
    const handle = await platform.spawn(
      role.role === 'engine' ? 'the engine worker' : 'a worker of the team',
      this.program,
      role,
      (reason) => {
        this.#end(new WorkerLostError(`${reason}; create a new runtime`));
        // The others may wait for the dead one for ever.
        for (const worker of this.#workers.splice(0)) void worker.terminate();
      },
    );
    this.#workers.push(handle);
    if (this.#ended !== undefined) {
      await this.close(this.#ended);
      throw this.#ended;
    }
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
