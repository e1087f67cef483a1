/**
 * A worker of a queue. Its lock on a job is renewed by this thread while others compute; when it dies the lock runs out, and
 * the job goes to another worker, which begins with a copy of the last checkpoint.
 */
import type { Job as BullJob } from 'bullmq';
import { ConfigError, DataError, DivergedError, ShapeError } from '../index.js';
import type { QueuedJob, Store } from './bull.js';
import type { Outcome } from './worker.js';

/** Milliseconds between two looks whether a job was cancelled. */
const lookEvery = 2000;
/** Deaths of workers over one job. */
const mostStalled = 20;

export interface QueueWorkerOptions {
  store: Store;
  /** Does a job. Throws the reason of the signal when that is aborted. */
  execute: (job: QueuedJob, signal: AbortSignal) => Promise<Outcome>;
  /** Milliseconds that a lock holds without being renewed. */
  lock: number;
  /** Ends the work: the job in hand is given back. */
  signal: AbortSignal;
  onStart?: (job: QueuedJob) => void;
  onEnd?: (job: QueuedJob, error?: Error) => void;
}

/** Works until the signal is aborted. */
export async function serveQueue({ store, execute, lock, signal, onStart, onEnd }: QueueWorkerOptions): Promise<void> {
  const queue = store.queue();
  /** Of the job in hand. */
  let own: AbortController | undefined;
  const process = async (job: BullJob<QueuedJob, Outcome>, token?: string): Promise<Outcome> => {
    const stop = new AbortController();
    own = stop;
    if (signal.aborted) stop.abort(signal.reason);
    const timer = setInterval(() => void stopIfCancelled(job, stop), lookEvery);
    onStart?.(job.data);
    try {
      if (job.data.cancelled) throw store.hopeless('cancelled');
      const outcome = await execute(job.data, stop.signal);
      onEnd?.(job.data);
      return outcome;
    } catch (error) {
      const { reason } = stop.signal;
      if (signal.aborted || reason instanceof Lost) {
        // Refused where another has the job, and else done by the queue once the lock runs out.
        await job.moveToWait(token).catch(() => {});
        throw store.waiting();
      }
      onEnd?.(job.data, error as Error);
      throw isHopeless(error) || stop.signal.aborted ? store.hopeless((error as Error).message) : error;
    } finally {
      clearInterval(timer);
      own = undefined;
    }
  };
  const stopIfCancelled = async (job: BullJob<QueuedJob, Outcome>, stop: AbortController): Promise<void> => {
    // A store that does not answer for a moment is asked again.
    const now = await queue.getJob(job.id as string).catch(() => job);
    if (now === undefined) stop.abort(new Lost('the job is no more'));
    else if (now.data.cancelled) stop.abort(new DOMException('cancelled', 'AbortError'));
  };
  const worker = store.worker(process, {
    lockDuration: lock,
    stalledInterval: lock,
    maxStalledCount: mostStalled,
    concurrency: 1,
  });
  // Connections come back by themselves; a job's error is the queue's to tell.
  worker.on('error', () => {});
  queue.on('error', () => {});
  worker.on('lockRenewalFailed', () => own?.abort(new Lost('the lock was not renewed in time')));
  try {
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    own?.abort(signal.reason);
  } finally {
    await worker.close();
    await queue.close();
  }
}

/** Another may have the job. */
class Lost extends Error {
  override readonly name = 'AbortError';
}

/** The same again would fail alike. */
function isHopeless(error: unknown): boolean {
  return [ConfigError, DataError, DivergedError, ShapeError].some((type) => error instanceof type);
}
