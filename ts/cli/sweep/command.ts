/** `kwta sweep`: trains and evaluates many configurations, in processes of this machine and of any other that sees the folder. */
import { existsSync, rmSync } from 'node:fs';
import { type Command, Option } from 'commander';
import { ConfigError, type Shard } from '../../index.js';
import { countsOf, renderSweep, renderSweepTable } from '../../report/sweep.js';
import type { Board, PlannedTrial } from '../../sweep/board.js';
import { boardOf } from '../../sweep/boardOf.js';
import { cancel, dispatch } from '../../sweep/dispatch.js';
import { planSweep, type SweepPlan } from '../../sweep/plan.js';
import { PulseFiles, workerName } from '../../sweep/pulse.js';
import { isOver, type Trial } from '../../sweep/replay.js';
import { work } from '../../sweep/worker.js';
import { Workspace } from '../../sweep/workspace.js';
import { interruptible } from '../interrupt.js';
import { addJsonOption, integer, shardOption, UsageError } from '../options.js';
import { formatJson, writeText } from '../output.js';
import { Progress } from '../progress.js';
import { pageEvery } from '../train/pageWriter.js';
import { readConfigFile } from '../train/settings.js';
import { executeTrial } from './execute.js';
import { Team } from './team.js';
import { threadsOf, viewOf } from './view.js';
import { storeOf } from './workerCommand.js';

interface Flags {
  workers: number;
  threads?: number;
  folder?: string;
  shard?: Shard;
  json?: string;
  queue?: string;
  priority: number;
  cancel?: boolean;
  attached?: boolean;
}

export function addSweepCommand(program: Command): void {
  const command = program
    .command('sweep')
    .summary('train and evaluate many configurations, and compare them')
    .description(
      'Does what a sweep file says: trains a model for each configuration, evaluates it, and draws a page that fills as jobs end. ' +
        'The same command goes on where a sweep was stopped; on machines that share the folder it helps.',
    )
    .argument('<file>', 'the sweep, as YAML or JSON')
    .addOption(new Option('--workers <n>', 'processes of this machine').argParser(integer(1)).default(1))
    .addOption(
      new Option('--threads <n>', 'threads of each (default: those of the machine, shared)').argParser(integer(1)),
    )
    .option('--folder <dir>', "of all that is written (default: the sweep's name with .sweep)")
    .addOption(
      new Option('--shard <i/n>', 'do only every nth trial, from the one of number i, counted from 0').argParser(
        shardOption,
      ),
    )
    .option('--queue <url>', 'leave the jobs to kwta worker, anywhere: redis://... or postgres://...')
    .addOption(
      new Option('--priority <n>', 'in the queue: sweeps with smaller numbers first').argParser(integer(0)).default(0),
    )
    .option('--cancel', "take the sweep's jobs out of the queue, and stop those that are being done")
    .addOption(new Option('--attached', 'be a worker of the process that started this one').hideHelp());
  addJsonOption(command, 'write all trials with their figures').action(sweep);
}

async function sweep(file: string, flags: Flags): Promise<void> {
  const plan = await readSweep(file, flags.folder);
  const workspace = new Workspace(plan.folder);
  workspace.begin();
  if (flags.attached) return beWorker(plan, workspace, flags);
  const worker = workerName();
  const board = boardOf(plan, workspace, worker);
  await open(board, plan);
  if (flags.cancel) return cancelJobs(plan, workspace, flags.queue);
  const progress = new Progress();
  try {
    await interruptible(
      (signal) =>
        flags.queue === undefined
          ? lead(file, plan, workspace, board, flags, progress, signal)
          : leadQueue(flags.queue, plan, workspace, board, worker, flags, progress, signal),
      () =>
        progress.note(
          `${flags.queue === undefined ? 'stopping, with checkpoints' : 'workers go on'}; the same command goes on from here`,
        ),
    );
  } finally {
    progress.clear();
    await writePage(plan, workspace, board);
  }
  const view = viewOf(plan, board, false);
  console.log(renderSweepTable(view));
  const { complete, pruned, failed, waiting, running } = countsOf(view.trials);
  const left = waiting + running > 0 ? `, ${waiting + running} of other shards to come` : '';
  console.log(`${complete} trials done, ${pruned} left behind, ${failed} failed${left}.`);
  for (const { number, error } of view.trials.filter(({ state }) => state === 'failed').slice(0, 5)) {
    console.log(`Trial ${number} failed: ${error}`);
  }
  console.log(`Page: ${workspace.page}\nJournal (Optuna's format): ${workspace.journal}`);
  if (flags.json !== undefined) {
    await writeText(flags.json, formatJson(view.trials));
    console.log(`Trials: ${flags.json}`);
  }
}

/** @throws {UsageError} naming all that is wrong in the file. */
async function readSweep(file: string, folder: string | undefined): Promise<SweepPlan> {
  const { config } = await readConfigFile('sweep', file);
  try {
    return planSweep(folder === undefined ? config : { ...config, folder });
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`${file}: ${error.message}`);
    throw error;
  }
}

async function open(board: Board, { trials, folder }: SweepPlan): Promise<void> {
  try {
    await board.open(trials);
  } catch (error) {
    if (error instanceof ConfigError) throw new UsageError(`${folder}: ${error.message}`);
    throw error;
  }
}

const isMine =
  (shard: Shard | undefined) =>
  ({ number }: Trial): boolean =>
    shard === undefined || number % shard.count === shard.index;

/** Shows how far the trials that are `mine` are, on the terminal and now and then on the page. */
function watchOf(
  plan: SweepPlan,
  workspace: Workspace,
  board: Board,
  mine: (trial: Trial) => boolean,
  progress: Progress,
): { look: () => Promise<boolean>; end: () => void } {
  const task = progress.task(plan.config.name);
  let written = 0;
  return {
    /** @returns whether any of them is left. */
    async look() {
      board.refresh();
      const own = board.trials.filter(mine);
      const over = own.filter(isOver).length;
      task.update(over / own.length, `${over} of ${own.length} trials`);
      if (performance.now() - written > pageEvery) {
        await writePage(plan, workspace, board);
        written = performance.now();
      }
      return over < own.length;
    },
    end() {
      task.end(`${board.trials.filter(isOver).length} of ${board.trials.length} trials are over`);
    },
  };
}

/** Starts workers, and shows how far they are, until none of this process's trials is left. */
async function lead(
  file: string,
  plan: SweepPlan,
  workspace: Workspace,
  board: Board,
  { workers, threads = threadsOf(workers), shard }: Flags,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const mine = isMine(shard);
  const args = ['sweep', file, '--attached', '--folder', plan.folder, '--threads', String(threads)];
  if (shard !== undefined) args.push('--shard', `${shard.index}/${shard.count}`);
  const team = new Team(workers, args, (worker) => workspace.log(worker));
  const watch = watchOf(plan, workspace, board, mine, progress);
  try {
    while (await watch.look()) await team.tick(signal);
    watch.end();
  } finally {
    await team.stop();
  }
  board.refresh();
  if (board.trials.every(isOver)) workspace.clean();
}

/** Leaves the jobs to the workers of a queue. */
async function leadQueue(
  url: string,
  plan: SweepPlan,
  workspace: Workspace,
  board: Board,
  worker: string,
  { shard, priority }: Flags,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> {
  const mine = isMine(shard);
  const queue = (await storeOf(url)).queue();
  rmSync(workspace.cancelled, { force: true });
  const stop = new PulseFiles(workspace.alive).start(worker);
  const watch = watchOf(plan, workspace, board, mine, progress);
  try {
    const isCancelled = (): boolean => existsSync(workspace.cancelled);
    await dispatch({ plan, board, queue, mine, priority, signal, isCancelled, onLook: watch.look });
    if (isCancelled()) progress.note('cancelled; the same command goes on from here');
    watch.end();
  } finally {
    stop();
    await queue.close();
  }
}

async function cancelJobs(plan: SweepPlan, workspace: Workspace, url: string | undefined): Promise<void> {
  if (url === undefined) throw new UsageError('--cancel: expected --queue, got none');
  const queue = (await storeOf(url)).queue();
  // Whoever leads sees it, and puts none in again.
  await writeText(workspace.cancelled, '');
  const jobs = await cancel(plan, queue).finally(() => queue.close());
  console.log(`${jobs} jobs taken out of the queue or stopped; the sweep goes on where it is started again.`);
}

async function writePage(plan: SweepPlan, workspace: Workspace, board: Board): Promise<void> {
  board.refresh();
  await writeText(workspace.page, renderSweep(viewOf(plan, board, !board.trials.every(isOver))));
}

/** Does jobs until there are none, or the process that started this one is no more. */
async function beWorker(plan: SweepPlan, workspace: Workspace, { threads = 1, shard }: Flags): Promise<void> {
  const worker = workerName();
  const board = boardOf(plan, workspace, worker);
  const progress = new Progress();
  const stop = new PulseFiles(workspace.alive).start(worker);
  try {
    await board.open(plan.trials);
    await interruptible(
      async (signal) => {
        const ended = new AbortController();
        process.on('disconnect', () => ended.abort(new Error('the process that started this one is gone')));
        await work({
          board,
          mine: isMine(shard),
          signal: AbortSignal.any([signal, ended.signal]),
          onStart: ({ trial, rung }) => progress.note(`trial ${trial.number}, rung ${rung}`),
          onEnd: ({ trial }, error) =>
            progress.note(`trial ${trial.number}: ${error === undefined ? 'done' : error.message}`),
          execute: ({ trial, rung }, own) => {
            const { options, seed } = trial.attributes as Pick<PlannedTrial, 'options' | 'seed'>;
            return executeTrial(plan, { options, seed, rung }, { workspace, worker, progress, threads, signal: own });
          },
        });
      },
      () => progress.note('stopping, with a checkpoint'),
    );
  } finally {
    stop();
    if (process.connected) process.disconnect();
  }
}
