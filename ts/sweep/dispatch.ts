/**
 * Leads a sweep whose jobs are done by workers of a queue: puts what the board allows into the queue, and what came of it into
 * the journal. A result stays in the queue until it is in the journal, so that whoever leads may die at any time.
 */
import { resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Board, Job } from './board.js';
import type { QueuedJob, SweepQueue } from './bull.js';
import type { SweepPlan } from './plan.js';
import type { Trial } from './replay.js';

/** Milliseconds between two looks at the queue. */
const lookEvery = 500;
/** Jobs that are read at once. */
const page = 100;
/** Tries of a job that fails; a worker that dies over it is none. */
const attempts = 3;
/** Seconds that a result waits for its sweep to go on. */
const kept = 30 * 24 * 3600;

export interface DispatchOptions {
  plan: SweepPlan;
  board: Board;
  queue: SweepQueue;
  mine: (trial: Trial) => boolean;
  /** 0 and above; smaller ones are done first. */
  priority: number;
  signal: AbortSignal;
  /** Whether the sweep is to end before its end. */
  isCancelled: () => boolean;
  onLook: () => Promise<unknown>;
}

/** Until no job is left, or the sweep is cancelled. @throws the reason of the signal; workers go on then. */
export async function dispatch(options: DispatchOptions): Promise<void> {
  const { plan, board, queue, mine, priority, signal, isCancelled, onLook } = options;
  const open = new Map<string, Job>();
  for (;;) {
    let next = await board.claim(mine);
    while (typeof next === 'object' && !signal.aborted) {
      const id = idOf(plan, next.trial, next.rung);
      open.set(id, next);
      const often = { attempts, backoff: { type: 'exponential', delay: 500 } };
      const until = { removeOnComplete: { age: kept }, removeOnFail: { age: kept } };
      await queue.add('trial', jobOf(plan, next), { jobId: id, priority, ...often, ...until });
      next = await board.claim(mine);
    }
    await collect(plan, board, queue, open);
    await onLook();
    if (next === 'done') return;
    if (isCancelled()) {
      for (const job of open.values()) await board.release(job);
      return;
    }
    await setTimeout(lookEvery, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}

function idOf({ hash }: SweepPlan, { number }: Trial, rung: number): string {
  return `${hash}-${number}-${rung}`;
}

function jobOf({ hash, config, folder }: SweepPlan, { trial, rung }: Job): QueuedJob {
  const { options, seed } = trial.attributes as Pick<QueuedJob, 'options' | 'seed'>;
  return { sweep: hash, config, folder: resolve(folder), trial: trial.number, options, seed, rung };
}

/** Brings what is over into the journal, and only then out of the queue. */
async function collect(plan: SweepPlan, board: Board, queue: SweepQueue, open: Map<string, Job>): Promise<void> {
  for (const state of ['completed', 'failed'] as const) {
    for (let from = 0; ; ) {
      const jobs = await queue.getJobs([state], from, from + page - 1);
      for (const job of jobs) {
        const known = open.get(job.id ?? '');
        if (job.data.sweep !== plan.hash || known === undefined) {
          from++;
          continue;
        }
        if (state === 'failed' && job.data.cancelled) await board.release(known);
        else if (state === 'failed') await board.fail(known, job.failedReason);
        else await board.report(known, job.returnvalue.value, job.returnvalue.attributes);
        open.delete(job.id as string);
        await job.remove();
      }
      if (jobs.length < page) break;
    }
  }
}

/** Takes a sweep's jobs out of the queue, and tells those who work on one to stop. @returns how many there were. */
export async function cancel(plan: SweepPlan, queue: SweepQueue): Promise<number> {
  const states = ['active', 'waiting', 'prioritized', 'delayed', 'completed', 'failed'] as const;
  const jobs = (await queue.getJobs([...states])).filter(({ data }) => data.sweep === plan.hash);
  for (const job of jobs) {
    if (await job.isActive()) await job.updateData({ ...job.data, cancelled: true });
    else await job.remove();
  }
  return jobs.length;
}
