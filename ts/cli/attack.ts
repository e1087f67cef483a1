/** `kwta attack`: one attack on one model, and what it leaves. */
import type { Command } from 'commander';
import { type AttackSpec, normOf, traitsOf } from '../attacks/table.js';
import { type AttackResult, accuracyOf, createRuntime, type Dataset } from '../index.js';
import { duration, percent, percentRange, shortCount } from '../report/format.js';
import { grid, type Row } from '../report/table.js';
import { type AttackFlags, addAttackOptions, attackOfFlags } from './attackFlags.js';
import { addImageOptions, type ImageFlags, readImages } from './dataFolder.js';
import { interruptible } from './interrupt.js';
import { checkFits, loadModel } from './models.js';
import {
  addJsonOption,
  addRuntimeOptions,
  addSeedOptions,
  checkRadii,
  type RuntimeFlags,
  radii,
  type SeedFlags,
  UsageError,
} from './options.js';
import { formatJson, writeText } from './output.js';
import { Progress } from './progress.js';
import { packageVersion } from './version.js';

const usualSamples = 100;

interface Flags extends AttackFlags, ImageFlags, RuntimeFlags, SeedFlags {
  model: string;
  epsilons?: number[];
  json?: string;
}

export function addAttackCommand(program: Command): void {
  const command = program
    .command('attack')
    .summary('attack a model with one attack')
    .description('Attacks a model with one attack, and tells what the model still gets right.')
    .requiredOption('--model <file>', 'model, as model.save() writes it');
  addAttackOptions(addImageOptions(command, usualSamples)).option(
    '--epsilons <radii>',
    'radii in pixel units, such as 0.1,0.2 or 8/255, in l0 numbers of values; an attack of minimum norm may go without',
    radii,
  );
  addJsonOption(addRuntimeOptions(addSeedOptions(command)), 'write what was found, image by image').action(attack);
}

async function attack(flags: Flags): Promise<void> {
  const spec = attackOfFlags(flags);
  if (flags.epsilons === undefined && traitsOf(spec).family !== 'minimal') {
    throw new UsageError(`--epsilons <radii>: ${spec.type} looks inside a ball and needs its radius`);
  }
  checkRadii(flags.epsilons ?? [], normOf(spec));
  const progress = new Progress();
  const outcome = await interruptible(
    (signal) => runAttack(spec, flags, progress, signal),
    () => progress.note('stopping'),
  ).finally(() => progress.clear());

  console.log(describe(outcome));
  if (flags.json !== undefined) {
    await writeText(flags.json, formatJson(outcome));
    console.log(`Image by image: ${flags.json}`);
  }
}

/** What was found, as `--json` writes it; a distance of Infinity is null there. */
type Outcome = Awaited<ReturnType<typeof runAttack>>;

async function runAttack(spec: AttackSpec, flags: Flags, progress: Progress, signal: AbortSignal) {
  const { epsilons, seed, maxQueries, threads, deterministic } = flags;
  const test = await readImages(flags, usualSamples);
  await using runtime = await createRuntime({ threads, deterministic });
  const load = async (option: string, file: string) => {
    const model = await loadModel(runtime, option, file);
    checkFits(option, model, test);
    return model;
  };
  const model = await load('--model', flags.model);
  const source = flags.source === undefined ? undefined : await load('--source', flags.source);
  progress.note(`${test.name}: ${test.length} images; kernels ${runtime.info.variant}`);

  const task = progress.task(spec.type);
  const x = test.tensor();
  const clean = Array.from(await model.predict(x));
  const onProgress = ({ epsilon, done }: { epsilon: number; done: number }): void => {
    const [before, all] = epsilons === undefined ? [0, 1] : [epsilons.indexOf(epsilon), epsilons.length];
    task.update((before + done) / all, Number.isFinite(epsilon) ? `ε = ${epsilon}` : undefined);
  };
  const own = source === undefined ? spec : { ...spec, source: source.id };
  const options = { x, labels: test.labels, epsilons, seed, maxQueries, signal, onProgress };
  const result = await model.attack(own as AttackSpec, options);
  task.end(duration(result.seconds.reduce((sum, seconds) => sum + seconds, 0)));
  return {
    attack: spec,
    model: flags.model,
    dataset: test.name,
    samples: test.length,
    seed,
    maxQueries: maxQueries ?? null,
    runtime: runtime.info,
    versions: { kwta: packageVersion(), node: process.versions.node },
    labels: Array.from(test.labels),
    clean: { ...accuracyOf(rightOf(clean, test), test.length), predictions: clean },
    results: result.epsilons.map((_, e) => resultAt(result, e, clean, test)),
  };
}

function rightOf(predictions: readonly number[], { labels }: Dataset): number {
  return predictions.filter((prediction, i) => prediction === labels[i]).length;
}

function resultAt(result: AttackResult, e: number, clean: readonly number[], test: Dataset) {
  const success = result.success[e];
  const distances = Array.from(result.distances[e]);
  // Who was wrong before need not be moved.
  const broken = distances.filter((_, i) => success[i] && clean[i] === test.labels[i]);
  return {
    epsilon: result.epsilons[e],
    ...accuracyOf(success.filter((broken) => !broken).length, success.length),
    success,
    predictions: Array.from(result.predictions[e]),
    distances,
    /** Of the images that were right and that it broke. */
    medianDistance: broken.length === 0 ? null : median(broken),
    queries: result.queriesByEpsilon[e],
    seconds: result.seconds[e],
    warnings: result.warnings[e],
    failures: result.failures[e],
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function describe({ attack, clean, results }: Outcome): string {
  const figures = ({ accuracy, ci95, correct, total }: Outcome['clean'] | Outcome['results'][number]): string[] => [
    percent(accuracy),
    percentRange(ci95),
    `${correct}/${total}`,
  ];
  const radius = (epsilon: number): string => (Number.isFinite(epsilon) ? String(epsilon) : 'any');
  const rows: Row[] = [
    'rule',
    { cells: ['clean', '', ...figures(clean), '', '', '', ''] },
    ...results.map((result) => ({
      cells: [
        attack.type,
        radius(result.epsilon),
        ...figures(result),
        result.medianDistance?.toPrecision(3) ?? '',
        shortCount(result.queries.forward),
        shortCount(result.queries.backward),
        duration(result.seconds),
      ],
    })),
  ];
  const headers = ['', 'ε', 'accuracy', '95 % interval', 'correct', 'median distance', 'forward', 'backward', 'time'];
  const warnings = results.flatMap(({ epsilon, warnings }) =>
    warnings.map((warning) => `ε = ${radius(epsilon)}: ${warning}`),
  );
  return [grid(headers, rows), ...warnings].join('\n');
}
