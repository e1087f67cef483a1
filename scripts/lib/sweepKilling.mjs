// Sweeps whose workers are killed at random: every job has one result, and each has the bits of a serial run.
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Random } from '../../dist/base/random.js';
import { createRuntime } from '../../dist/index.js';
import { boardOf } from '../../dist/sweep/boardOf.js';
import { LogFile } from '../../dist/sweep/log.js';
import { PulseFiles, workerName } from '../../dist/sweep/pulse.js';
import { isOver, operations, states } from '../../dist/sweep/replay.js';
import { Workspace } from '../../dist/sweep/workspace.js';
import { planOf, shortJob } from './sweepJob.mjs';

const script = fileURLToPath(new URL('sweepJob.mjs', import.meta.url));

/**
 * @param {{ jobs: number, workers: number, seed: number, queue?: string }} options
 *   `queue` an address; without one the journal alone hands out jobs. One worker is killed for every ten jobs.
 * @returns {Promise<{ jobs: number, kills: number, resumed: number, seconds: number, bytes: number, problems: string[] }>}
 */
export async function killWorkers({ jobs, workers, seed, queue }) {
  const folder = mkdtempSync(path.join(tmpdir(), 'kwta-sweep-'));
  const result = { jobs, kills: 0, resumed: 0, seconds: 0, bytes: 0, problems: /** @type {string[]} */ ([]) };
  const plan = planOf(jobs, folder);
  const workspace = new Workspace(folder);
  workspace.begin();
  const worker = workerName();
  const board = boardOf(plan, workspace, worker);
  await board.open(plan.trials);
  const stop = new PulseFiles(workspace.alive).start(worker);
  const random = new Random(seed, 0);
  const ending = new AbortController();
  /** @type {Set<import('node:child_process').ChildProcess>} */
  const team = new Set();
  const start = () => {
    const child = fork(script, [JSON.stringify({ folder, jobs, queue })]);
    team.add(child);
    child.on('message', (/** @type {unknown} */ message) => {
      if (message === 'resumed') result.resumed++;
    });
    child.on('exit', () => {
      team.delete(child);
      if (!ending.signal.aborted && !board.trials.every(isOver)) start();
    });
  };
  const begun = performance.now();
  for (let i = 0; i < workers; i++) start();
  const look = async () => {
    board.refresh();
    const done = board.trials.filter(isOver).length;
    const [victim] = [...team].slice(Math.floor(random.uniform() * team.size));
    if (done >= 10 * (result.kills + 0.5) && victim !== undefined) {
      result.kills++;
      await setTimeout(60 * random.uniform());
      victim.kill('SIGKILL');
    }
  };
  try {
    if (queue === undefined) {
      while (!board.trials.every(isOver)) {
        await look();
        await setTimeout(50);
      }
    } else {
      const { openStore } = await import('../../dist/sweep/bull.js');
      const { dispatch } = await import('../../dist/sweep/dispatch.js');
      const store = (await openStore(queue)).queue();
      const watch = setInterval(() => void look(), 100);
      await dispatch({
        plan,
        board,
        queue: store,
        mine: () => true,
        priority: 0,
        signal: ending.signal,
        isCancelled: () => false,
        onLook: async () => {},
      }).finally(() => clearInterval(watch));
      const left = await store.getJobCounts('completed', 'failed', 'active', 'waiting', 'prioritized');
      if (Object.values(left).some((count) => count > 0))
        result.problems.push(`left in the queue: ${JSON.stringify(left)}`);
      await store.close();
    }
    result.seconds = (performance.now() - begun) / 1000;
    result.bytes = readFileSync(workspace.journal).length;
    result.problems.push(...(await compare(board, workspace.journal)));
  } finally {
    ending.abort();
    stop();
    for (const child of team) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  }
  return result;
}

/**
 * What differs from a serial run, a line each.
 * @param {import('../../dist/sweep/board.js').Board} board
 * @param {string} journal
 */
async function compare(board, journal) {
  board.refresh();
  /** @type {string[]} */
  const problems = [];
  const lines = /** @type {{ op_code: number, trial_id: number, state?: number }[]} */ (new LogFile(journal).read());
  const ends = new Map();
  for (const { op_code, trial_id, state } of lines) {
    if (op_code === operations.setTrialState && state === states.complete)
      ends.set(trial_id, (ends.get(trial_id) ?? 0) + 1);
  }
  const runtime = await createRuntime({ threads: 1, deterministic: true });
  for (const { number, id, state, value, attributes } of board.trials) {
    if (state !== states.complete || ends.get(id) !== 1) {
      problems.push(
        `job ${number}: expected one result, got state ${state} and ${ends.get(id) ?? 0} results (${attributes.error ?? ''})`,
      );
      continue;
    }
    const { options, seed } = /** @type {import('./sweepJob.mjs').Configuration} */ (
      /** @type {unknown} */ (attributes)
    );
    const serial = await shortJob(runtime, { options, seed }, undefined);
    if (serial.value !== value || serial.attributes.bits !== attributes.bits)
      problems.push(`job ${number}: other bits than in a serial run`);
  }
  await runtime.dispose();
  return problems;
}
