/** A worker of a sweep: takes one job after another until there is none, gives signs of life, and stops what is not its own any more. */
import { setTimeout } from 'node:timers/promises';
import type { Board, Job } from './board.js';
import type { Trial } from './replay.js';

/** Milliseconds between two looks at a board where there is nothing to do, and at who owns the job in hand. */
const lookEvery = 1000;

/** What came of a job. */
export interface Outcome {
  /** Of the objective. */
  value: number;
  /** For the trial. */
  attributes: Record<string, unknown>;
}

export interface WorkerOptions {
  board: Board;
  /** Does a job. Throws what it can never be done for, or the reason of the signal. */
  execute: (job: Job, signal: AbortSignal) => Promise<Outcome>;
  /** Which jobs this worker may take. */
  mine?: (trial: Trial) => boolean;
  /** Ends the work: the job in hand is given back. */
  signal: AbortSignal;
  onStart?: (job: Job) => void;
  onEnd?: (job: Job, error?: Error) => void;
}

/** Works until no job is left. @throws the reason of the signal. */
export async function work({ board, execute, mine, signal, onStart, onEnd }: WorkerOptions): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const job = await board.claim(mine);
    if (job === 'done') return;
    if (job === 'wait') {
      await setTimeout(lookEvery, undefined, { signal }).catch(() => signal.throwIfAborted());
      continue;
    }
    onStart?.(job);
    const own = new AbortController();
    const stop = (): void => own.abort(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    const timer = setInterval(() => {
      if (!board.owns(job)) own.abort(new DOMException('another worker has the job', 'AbortError'));
    }, lookEvery);
    try {
      const { value, attributes } = await execute(job, own.signal);
      await board.report(job, value, attributes);
      onEnd?.(job);
    } catch (error) {
      if (signal.aborted) {
        await board.release(job);
        throw signal.reason;
      }
      onEnd?.(job, error as Error);
      if (!own.signal.aborted) await board.fail(job, error instanceof Error ? error.message : String(error));
    } finally {
      clearInterval(timer);
      signal.removeEventListener('abort', stop);
    }
  }
}
