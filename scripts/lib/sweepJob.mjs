// A short job of a sweep: a small training with checkpoints. And a process that does such jobs, by the package's own workers,
// until it is killed: `node sweepJob.mjs '{"folder":...,"queue":...}'`.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { weightsHash } from '../../dist/evaluate/hash.js';
import { createRuntime, datasets, nn, optim } from '../../dist/index.js';
import { boardOf } from '../../dist/sweep/boardOf.js';
import { planSweep } from '../../dist/sweep/plan.js';
import { PulseFiles, workerName } from '../../dist/sweep/pulse.js';
import { serveQueue } from '../../dist/sweep/queueWorker.js';
import { work } from '../../dist/sweep/worker.js';
import { changed, Workspace } from '../../dist/sweep/workspace.js';

/** @typedef {import('../../dist/index.js').Runtime} Runtime */
/** @typedef {{ options: Record<string, unknown>, seed: number }} Configuration */

/** Milliseconds after which a worker of a queue that is silent is given up. */
export const lock = 2000;

const train = datasets.synthetic({ count: 60, seed: 1 });

/** @param {number} jobs @param {string} folder */
export function planOf(jobs, folder) {
  return planSweep({
    name: 'short jobs',
    folder,
    search: { type: 'random', trials: jobs },
    over: { 'train.optimizer.lr': { low: 1e-4, high: 0.1, log: true } },
    train: {
      data: 'drawn',
      epochs: 1,
      batchSize: 20,
      optimizer: { type: 'sgd' },
      model: { type: 'smallCnn', activation: { type: 'relu' } },
    },
  });
}

/**
 * Trains, from a checkpoint at `folder` if there is one.
 * @param {Runtime} runtime
 * @param {Configuration} configuration
 * @param {string | undefined} folder
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ value: number, attributes: { bits: string } }>}
 */
export async function shortJob(runtime, { options, seed }, folder, signal) {
  const layers = [nn.flatten(), nn.linear({ out: 16 }), nn.kwta({ gamma: 0.25 }), nn.linear({ out: train.classes })];
  const model = await runtime.model(nn.sequential(layers, { input: train.shape }), { seed });
  const checkpoint = folder && path.join(folder, 'checkpoint.safetensors');
  const lr = /** @type {number} */ (options['train.optimizer.lr']);
  await model.fit(train, {
    epochs: 4,
    batchSize: 20,
    optimizer: optim.sgd({ lr, momentum: 0.9 }),
    checkpoint: checkpoint === undefined ? undefined : { path: checkpoint, everySteps: 1 },
    resumeFrom: checkpoint !== undefined && existsSync(checkpoint) ? checkpoint : undefined,
    signal,
  });
  const bits = await weightsHash(await model.stateDict());
  const accuracy = await model.accuracy(train);
  await model.dispose();
  return { value: accuracy, attributes: { bits } };
}

/** @param {{ folder: string, jobs: number, queue?: string }} place */
async function serve({ folder, jobs, queue }) {
  const worker = workerName();
  const workspace = new Workspace(folder);
  const runtime = await createRuntime({ threads: 1, deterministic: true });
  /** @type {(name: string, configuration: Configuration, signal: AbortSignal) => Promise<{ value: number, attributes: { bits: string } }>} */
  const execute = async (name, configuration, signal) => {
    const own = workspace.adopt(name, worker, (left) => changed(path.join(left, 'checkpoint.safetensors')));
    if (existsSync(own)) process.send?.('resumed');
    mkdirSync(own, { recursive: true });
    const outcome = await shortJob(runtime, configuration, own, signal);
    rmSync(own, { recursive: true });
    return outcome;
  };
  const signal = new AbortController().signal;
  process.on('disconnect', () => process.exit());
  process.send?.('ready');
  if (queue !== undefined) {
    const { openStore } = await import('../../dist/sweep/bull.js');
    await serveQueue({
      store: await openStore(queue),
      lock,
      signal,
      execute: (job, own) => execute(String(job.trial), job, own),
    });
    return;
  }
  const plan = planOf(jobs, folder);
  const board = boardOf(plan, workspace, worker);
  await board.open(plan.trials);
  const stop = new PulseFiles(workspace.alive).start(worker);
  await work({
    board,
    signal,
    execute: ({ trial }, own) =>
      execute(String(trial.number), /** @type {Configuration} */ (/** @type {unknown} */ (trial.attributes)), own),
  });
  stop();
  await runtime.dispose();
  process.disconnect();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await serve(JSON.parse(process.argv[2]));
