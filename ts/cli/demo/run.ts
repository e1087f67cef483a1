/** The demo itself: trains the same network with ReLU and with k-WTA, attacks both, gathers everything. */

import { createRuntime, type Model, models, nn } from '../../index.js';
import { modelTitle } from '../../report/format.js';
import type { HistoryPoint } from '../../report/result.js';
import type { RuntimeFlags } from '../options.js';
import type { Progress } from '../progress.js';
import { versions } from '../version.js';
import { type AttackedModel, attackModel } from './attack.js';
import { type DataOptions, loadData } from './data.js';
import { demoAttacks, EPSILONS, NETWORK, type RegimeName } from './defaults.js';
import type { DemoResult } from './result.js';
import { regimeText, trainModel } from './train.js';

/** All that a run depends on. */
export interface DemoOptions extends DataOptions, RuntimeFlags {
  regime: RegimeName;
  gamma: number;
  epochs: number;
  seed: number;
}

interface Trained {
  name: string;
  gamma: number | null;
  title: string;
  model: Model;
  history: HistoryPoint[];
  seconds: number;
}

/** @throws the reason of `signal` when it is aborted; the runtime is gone then. */
export async function runDemo(options: DemoOptions, progress: Progress, signal: AbortSignal): Promise<DemoResult> {
  const started = performance.now();
  const { regime, gamma, epochs, seed, samples, threads, deterministic } = options;
  const data = await loadData(options, progress, signal);
  progress.note(`${data.name}: ${data.reason}`);
  await using runtime = await createRuntime({ threads, deterministic });
  const { info } = runtime;
  progress.note(
    `kernels ${info.variant}, ${info.threads} ${info.threads === 1 ? 'thread' : 'threads'}; ${regimeText(regime)} training\n`,
  );

  const trained: Trained[] = [];
  for (const { name, gamma: own, activation } of [
    { name: 'ReLU', gamma: null, activation: nn.relu() },
    { name: 'k-WTA', gamma, activation: nn.kwta({ gamma }) },
  ]) {
    const { classes, shape } = data.train;
    const model = await runtime.model(models.smallCnn({ activation, classes, input: shape, ...NETWORK }), { seed });
    const title = modelTitle({ name, gamma: own });
    const run = await trainModel(model, data.train, { title, regime, epochs, seed, signal }, progress);
    trained.push({ name, gamma: own, title, model, ...run });
  }

  progress.note('');
  const results: AttackedModel[] = [];
  for (const [i, { model, name, title }] of trained.entries()) {
    const other = trained[1 - i].model;
    const settings = { name, title, attacks: demoAttacks(other), samples, seed, signal };
    results.push(await attackModel(model, data.test, settings, progress));
  }

  return {
    dataset: data.name,
    datasetReason: data.reason,
    classNames: data.test.classNames ?? Array.from({ length: data.test.classes }, (_, i) => `class ${i}`),
    trainImages: data.train.length,
    epochs,
    regime: regimeText(regime),
    seed,
    runtime: { variant: info.variant, threads: info.threads },
    versions: versions(),
    date: new Date().toISOString(),
    seconds: (performance.now() - started) / 1000,
    epsilons: EPSILONS,
    samples,
    labels: Array.from(data.test.labels),
    models: trained.map(({ name, gamma: own, model, history, seconds }, i) => ({
      name,
      gamma: own,
      parameters: model.parameters,
      trainSeconds: seconds,
      history,
      ...results[i].figures,
    })),
    examples: results.flatMap(({ examples }) => examples),
  };
}
