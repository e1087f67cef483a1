/** `kwta worker`: does the jobs of a queue, until it is stopped. */
import { type Command, Option } from 'commander';
import { ConfigError } from '../../index.js';
import { concurrency } from '../../platform/processors.js';
import { openStore, type QueuedJob, type Store } from '../../sweep/bull.js';
import { planSweep, type SweepPlan } from '../../sweep/plan.js';
import { workerName } from '../../sweep/pulse.js';
import { serveQueue } from '../../sweep/queueWorker.js';
import { Workspace } from '../../sweep/workspace.js';
import { Interrupted, interruptible } from '../interrupt.js';
import { integer, UsageError } from '../options.js';
import { Progress } from '../progress.js';
import { executeTrial } from './execute.js';

interface Flags {
  queue: string;
  folder?: string;
  threads?: number;
  lock: number;
}

export function addWorkerCommand(program: Command): void {
  program
    .command('worker')
    .summary('do the jobs of sweeps that others put into a queue')
    .description(
      'Takes jobs of kwta sweep --queue from the queue, one after another, until it is stopped; Ctrl-C gives the job in hand back, ' +
        'with a checkpoint. All machines have to see the folder of the sweep.',
    )
    .requiredOption('--queue <url>', 'redis://... or postgres://...')
    .option('--folder <dir>', 'of the sweep, where it has another place here than where it was started')
    .addOption(
      new Option('--threads <n>', 'threads to compute on (default: as many as the machine has)').argParser(integer(1)),
    )
    .addOption(
      new Option('--lock <seconds>', 'how long this worker may be silent before its job is given to another')
        .argParser(integer(1))
        .default(30),
    )
    .action(serve);
}

async function serve({ queue, folder, threads = concurrency(), lock }: Flags): Promise<void> {
  const store = await storeOf(queue);
  const worker = workerName();
  const progress = new Progress();
  const named = ({ trial, rung }: QueuedJob): string => `trial ${trial}, rung ${rung}`;
  /** Of the job before: to plan all trials for each would take longer than many jobs do. */
  let known: { sweep: string; plan: SweepPlan } | undefined;
  const planOf = ({ sweep, config }: QueuedJob): SweepPlan => {
    if (known?.sweep !== sweep) known = { sweep, plan: planSweep(config) };
    return known.plan;
  };
  progress.note('waiting for jobs');
  await interruptible(
    async (signal) => {
      await serveQueue({
        store,
        signal,
        lock: 1000 * lock,
        onStart: (job) => progress.note(named(job)),
        onEnd: (job, error) => progress.note(`${named(job)}: ${error === undefined ? 'done' : error.message}`),
        execute: (job, own) => {
          const workspace = new Workspace(folder ?? job.folder);
          workspace.begin();
          const { options, seed, rung } = job;
          return executeTrial(
            planOf(job),
            { options, seed, rung },
            { workspace, worker, progress, threads, signal: own },
          );
        },
      });
      // Who stops a worker wants it to end well.
      if (signal.reason instanceof Interrupted) throw signal.reason;
    },
    () => progress.note('stopping, with a checkpoint'),
  ).finally(() => progress.clear());
}

/** @throws {UsageError} when there is no such store. */
export async function storeOf(url: string): Promise<Store> {
  try {
    return await openStore(url);
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
}
