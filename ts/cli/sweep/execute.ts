/** One job of a sweep: the training, as `kwta train` does it, and then the evaluation; each where it is not done already. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Accuracy, createRuntime, evaluateRobustness, type RobustnessReport } from '../../index.js';
import type { SweepTrial } from '../../report/sweep.js';
import type { PlannedTrial } from '../../sweep/board.js';
import type { EvaluateConfig } from '../../sweep/config.js';
import { type SweepPlan, type TrialTask, taskOf } from '../../sweep/plan.js';
import type { Outcome } from '../../sweep/worker.js';
import { changed, type Workspace } from '../../sweep/workspace.js';
import { first, readDataFolder } from '../dataFolder.js';
import { EvaluationWatch } from '../evaluationProgress.js';
import { loadModel } from '../models.js';
import { formatJson, writeText } from '../output.js';
import type { Progress } from '../progress.js';
import { runTraining } from '../train/run.js';
import { RunFolder } from '../train/runFolder.js';

type Figures = SweepTrial['figures'];

interface TaskPlace {
  workspace: Workspace;
  worker: string;
  progress: Progress;
  threads: number;
  signal: AbortSignal;
}

/** A trial in one rung: its value, and what is kept of it. */
export async function executeTrial(
  { config, rungs, figures: [objective] }: SweepPlan,
  { rung, ...trial }: Pick<PlannedTrial, 'options' | 'seed'> & { rung: number },
  place: TaskPlace,
): Promise<Outcome> {
  const task = taskOf(config, rungs, trial, rung);
  const before = rung === 0 ? undefined : taskOf(config, rungs, trial, rung - 1);
  const figures = await executeTask(task, before, place);
  return { value: figures[objective].accuracy, attributes: { figures, hash: task.hash, run: task.trainHash } };
}

/**
 * Does what is left to do.
 *
 * @param before the same trial with fewer epochs, if there was such a rung.
 */
async function executeTask(task: TrialTask, before: TrialTask | undefined, place: TaskPlace): Promise<Figures> {
  const { workspace } = place;
  const run = workspace.run(task.trainHash);
  if (!existsSync(run)) await train(task, before, place);
  const figures = trainingFigures(run, task.train.final === 'best');
  const { evaluate } = task;
  if (evaluate === undefined) return figures;
  if (!existsSync(workspace.report(task.hash))) await measure(task, evaluate, place);
  const report = JSON.parse(readFileSync(workspace.report(task.hash), 'utf8')) as RobustnessReport;
  return { ...figures, ...evaluationFigures(report) };
}

async function train(
  { train, trainHash }: TrialTask,
  before: TrialTask | undefined,
  { workspace, worker, progress, threads, signal }: TaskPlace,
): Promise<void> {
  const progressOf = (path: string): number => changed(new RunFolder(path).checkpoint);
  const origin = before && workspace.run(before.trainHash);
  const own = workspace.adopt(trainHash, worker, progressOf, origin);
  const folder = new RunFolder(own);
  // Without its place, which is another in each attempt: the file of the model is to be the same.
  const config = { ...train, threads: train.threads ?? threads };
  await runTraining({ config, folder, resume: folder.holdsRun, json: false }, progress, signal);
  workspace.commit(own, workspace.run(trainHash));
}

async function measure(
  { train, trainHash, hash }: TrialTask,
  { data = train.data, split, samples, ...options }: EvaluateConfig,
  { workspace, worker, progress, threads, signal }: TaskPlace,
): Promise<void> {
  const all = await readDataFolder({ data, split });
  const images = samples === undefined ? all : first('evaluate.samples', all, samples);
  await using runtime = await createRuntime({ threads: train.threads ?? threads, deterministic: train.deterministic });
  const model = await loadModel(runtime, 'train', join(workspace.run(trainHash), 'model.safetensors'));
  const resume = workspace.adopt(`${hash}.evaluation`, worker, changed);
  const watch = new EvaluationWatch(progress);
  const report = await evaluateRobustness(model, images, { ...options, resume, signal, onProgress: watch.report });
  watch.end();
  await writeText(workspace.report(hash), formatJson(report));
}

function trainingFigures(run: string, best: boolean): Figures {
  const events = new RunFolder(run).told();
  const done = events.findLast(({ type }) => type === 'done') as { test?: Accuracy } | undefined;
  const validation = events.flatMap((event) =>
    event.type === 'epoch' && event.validationAccuracy !== undefined ? [event.validationAccuracy] : [],
  );
  const kept = best ? Math.max(...validation) : validation[validation.length - 1];
  return {
    ...(done?.test === undefined ? {} : { test: done.test }),
    ...(validation.length === 0 ? {} : { validation: { accuracy: kept } }),
  };
}

function evaluationFigures({ clean, worstCase, attacks }: RobustnessReport): Figures {
  const { predictions: _, ...right } = clean;
  const rows = attacks.map(({ name, epsilon, correct, total, accuracy, ci95 }) => {
    return [`${name}@${epsilon}`, { correct, total, accuracy, ci95 }] as const;
  });
  const worst = Object.entries(worstCase).map(([epsilon, accuracy]) => [`worstCase@${epsilon}`, accuracy] as const);
  return { clean: right, ...Object.fromEntries([...worst, ...rows]) };
}
