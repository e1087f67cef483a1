/** `kwta evaluate`: how robust models are, judged: findings, a table, the report as JSON and as a page. */
import { type Command, Option } from 'commander';
import { norms } from '../attacks/core/norms.js';
import type { AttackSpec } from '../attacks/table.js';
import { type Preset, presets } from '../evaluate/presets.js';
import {
  type AttackBenchRun,
  attackBench,
  attacks,
  type ComparisonReport,
  createRuntime,
  type Dataset,
  type EvaluateOptions,
  evaluateRobustness,
  KwtaError,
  type RobustnessReport,
  robustBench,
  type Shard,
  type TransferMatrix,
  transferMatrix,
} from '../index.js';
import { renderEnvelope } from '../report/envelope.js';
import { findingLines } from '../report/findings.js';
import { duration } from '../report/format.js';
import { renderReport } from '../report/html.js';
import { type Evaluation, type Example, evaluationOf } from '../report/result.js';
import { renderTable, renderTransfer } from '../report/table.js';
import { verdict } from '../report/verdict.js';
import { addImageOptions, type ImageFlags, readImages } from './dataFolder.js';
import { EvaluationWatch } from './evaluationProgress.js';
import { pickExamples } from './examples.js';
import { lookInside, usualInside } from './inside.js';
import { interruptible } from './interrupt.js';
import { type LoadedModel, loadModels, modelOption, type NamedFile } from './models.js';
import {
  addJsonOption,
  addRuntimeOptions,
  addSeedOptions,
  checkRadii,
  outputFile,
  type RuntimeFlags,
  radii,
  type SeedFlags,
  shardOption,
  UsageError,
} from './options.js';
import { formatJson, writeText } from './output.js';
import { Progress } from './progress.js';

const usualSamples = 1000;
/** Images that are looked at inside the models. */
const insideSamples = 16;

interface Flags extends ImageFlags, RuntimeFlags, SeedFlags {
  model: NamedFile[];
  epsilons: number[];
  norm: (typeof norms)[number];
  preset: Preset;
  resume?: string;
  adversarials?: string;
  attackbench?: string;
  robustbench?: string;
  json?: string;
  html?: string;
  transfer?: boolean;
  inside?: boolean;
  shard?: Shard;
}

export function addEvaluateCommand(program: Command): void {
  const command = program
    .command('evaluate')
    .summary('measure how robust models are, with all attacks of a preset')
    .description(
      'Attacks models with the attacks of a preset on the same images, and tells what they still get right in the worst ' +
        'case, how they compare, and what is to be said of the figures.',
    )
    .addOption(modelOption('model to evaluate, once for each; its name is that of the file unless given'));
  addImageOptions(command, usualSamples)
    .requiredOption(
      '--epsilons <radii>',
      'radii in pixel units, such as 0.1,0.2 or 8/255, in l0 numbers of values',
      radii,
    )
    .addOption(new Option('--norm <name>', 'norm of the ball').choices(norms).default(norms[0]))
    .addOption(
      new Option('--preset <name>', 'attacks: quick gives an upper bound, adaptive is for discontinuous networks')
        .choices(Object.keys(presets))
        .default('standard' satisfies Preset),
    );
  addRuntimeOptions(addSeedOptions(command))
    .option('--transfer', 'also try on each model what PGD makes on each other, at the first radius')
    .option('--inside', 'also look inside the models, as kwta analyse does, for the page of --html (L-inf)')
    .addOption(new Option('--resume <file>', 'keep what is done there, and go on from it').argParser(outputFile))
    .addOption(
      new Option(
        '--shard <i/n>',
        'only part i of n of the images, from 0; --json gets it, and kwta merge joins the parts',
      ).argParser(shardOption),
    )
    .addOption(
      new Option('--adversarials <file>', 'write the images that decide the worst case (safetensors)').argParser(
        outputFile,
      ),
    );
  command.addOption(
    new Option('--attackbench <file>', 'write distances and queries by image in the form of AttackBench').argParser(
      outputFile,
    ),
  );
  command.addOption(
    new Option('--robustbench <file>', "write what RobustBench's model_info holds of each model and radius").argParser(
      outputFile,
    ),
  );
  addJsonOption(command, 'write the report, which kwta verify checks')
    .addOption(new Option('--html <file>', 'write the report as a page with curves and images').argParser(outputFile))
    .action(evaluate);
}

async function evaluate(flags: Flags): Promise<void> {
  if (flags.shard !== undefined) return evaluatePart(flags, flags.shard);
  if (flags.transfer && flags.model.length < 2)
    throw new UsageError('--transfer: expected two models or more, got one');
  checkInside(flags);
  checkRadii(flags.epsilons, flags.norm);
  if (
    flags.robustbench !== undefined &&
    (!['linf', 'l2'].includes(flags.norm) || !['standard', 'adaptive'].includes(flags.preset))
  ) {
    throw new UsageError(
      '--robustbench: expected the norm linf or l2 and the preset standard or adaptive, which run AutoAttack',
    );
  }
  const progress = new Progress();
  const { report, evaluation, runs } = await interruptible(
    (signal) => run(flags, progress, signal),
    () => progress.note(flags.resume === undefined ? 'stopping' : `stopping; the same command goes on from here`),
  ).finally(() => progress.clear());

  await showReport(report, evaluation, flags);
  if (flags.attackbench !== undefined) {
    await writeText(flags.attackbench, formatJson(runs));
    console.log(`AttackBench: ${flags.attackbench}`);
  }
  if (flags.robustbench !== undefined) {
    const [{ name }] = flags.model;
    await writeText(flags.robustbench, formatJson(await robustBench(report, {}, name)));
    console.log(`RobustBench: ${flags.robustbench}`);
  }
  if (flags.adversarials !== undefined) console.log(`Adversarial images: ${flags.adversarials}`);
}

/** What a report says, in the terminal and in the files that are asked for. */
export async function showReport(
  report: RobustnessReport | ComparisonReport,
  evaluation: Evaluation,
  files: Pick<Flags, 'json' | 'html'>,
): Promise<void> {
  const { provenance } = report;
  for (const line of findingLines(evaluation)) console.log(line);
  console.log(`\n${renderTable(evaluation, { colors: process.stdout.isTTY })}\n`);
  console.log(`${renderEnvelope(evaluation)}\n`);
  if (evaluation.transfer !== undefined) console.log(`${renderTransfer(evaluation.transfer)}\n`);
  for (const sentence of verdict(evaluation)) console.log(sentence);
  const { data, preset, seed, seconds } = provenance;
  console.log(`${data.name}, ${data.samples} images, preset ${preset}, seed ${seed}, ${duration(seconds)} in all.`);
  if (files.json !== undefined) {
    await writeText(files.json, formatJson(report));
    console.log(`Report: ${files.json}`);
  }
  if (files.html !== undefined) {
    await writeText(files.html, renderReport(evaluation));
    console.log(`Page: ${files.html}`);
  }
}

/** A part of the report, as JSON. */
async function evaluatePart(flags: Flags, shard: Shard): Promise<void> {
  const { json, epsilons, norm, threads, deterministic } = flags;
  const without = (['html', 'adversarials', 'attackbench', 'robustbench', 'transfer', 'inside'] as const).find(
    (name) => flags[name],
  );
  if (without !== undefined)
    throw new UsageError(`--${without}: expected none with --shard; kwta merge makes the report`);
  if (json === undefined) throw new UsageError('--json: expected a file for the part of the report, got none');
  checkRadii(epsilons, norm);
  const progress = new Progress();
  const part = await interruptible(
    async (signal) => {
      const test = await readImages(flags, usualSamples);
      await using runtime = await createRuntime({ threads, deterministic });
      const models = await loadModels(runtime, flags.model, test);
      const subject = models.length === 1 ? models[0].model : models;
      return await measure(flags, progress, signal, (options) =>
        evaluateRobustness(subject, test, { ...options, shard }),
      );
    },
    () => progress.note('stopping'),
  ).finally(() => progress.clear());
  await writeText(json, formatJson(part));
  console.log(`Part ${shard.index} of ${shard.count}: ${json}; kwta merge makes the report of all parts`);
}

/** Evaluates as the flags say, and shows how far it is. @throws {UsageError} in terms of flags. */
async function measure<T>(
  { epsilons, norm, preset, seed, maxQueries, resume }: Flags,
  progress: Progress,
  signal: AbortSignal,
  evaluation: (options: EvaluateOptions) => Promise<T>,
): Promise<T> {
  const watch = new EvaluationWatch(progress);
  const options = { attacks: preset, epsilons, norm, seed, maxQueries, resume, signal, onProgress: watch.report };
  const report = await naming(() => evaluation(options));
  watch.end();
  return report;
}

/** @throws {UsageError} where nobody would see it, or there is no ball to look at. */
function checkInside({ inside, html, norm, epsilons }: Flags): void {
  if (!inside) return;
  if (html === undefined) throw new UsageError('--inside: expected --html, the page that shows it');
  if (norm !== 'linf') throw new UsageError(`--inside: expected the norm linf, got ${norm}`);
  if (!epsilons.some((epsilon) => epsilon > 0)) throw new UsageError('--inside: expected a radius above 0, got none');
}

async function run(
  flags: Flags,
  progress: Progress,
  signal: AbortSignal,
): Promise<{ report: RobustnessReport | ComparisonReport; evaluation: Evaluation; runs: AttackBenchRun[] }> {
  const { adversarials, threads, deterministic } = flags;
  const test = await readImages(flags, usualSamples);
  await using runtime = await createRuntime({ threads, deterministic });
  const models = await loadModels(runtime, flags.model, test);
  progress.note(`${test.name}: ${test.length} images; kernels ${runtime.info.variant}`);
  const [{ name, model }] = models;
  const report = await measure<RobustnessReport | ComparisonReport>(flags, progress, signal, (options) => {
    const given = { ...options, adversarials };
    return models.length === 1 ? evaluateRobustness(model, test, given) : evaluateRobustness(models, test, given);
  });
  const transfer = flags.transfer ? await transferBetween(models, test, flags, progress, signal) : undefined;
  const inside = flags.inside
    ? await lookInside(
        runtime,
        models,
        test.take(Math.min(insideSamples, test.length)),
        insideOf(flags),
        progress,
        signal,
      )
    : undefined;
  const evaluation = { ...evaluationOf(report, { name, classNames: test.classNames, transfer }), inside };
  const examples = flags.html && (await examplesOf(evaluation, report, models, test, flags, signal));
  const runs = flags.attackbench === undefined ? [] : await attackBench(report, test, name);
  return { report, evaluation: examples ? { ...evaluation, examples } : evaluation, runs };
}

function insideOf({ epsilons, seed }: Flags) {
  const [epsilon] = epsilons.filter((value) => value > 0);
  return { ...usualInside, epsilon, seed };
}

async function transferBetween(
  models: readonly LoadedModel[],
  test: Dataset,
  { epsilons: [epsilon], norm, seed }: Flags,
  progress: Progress,
  signal: AbortSignal,
): Promise<TransferMatrix> {
  const task = progress.task('transfer');
  const onProgress = ({ source, done }: { source: string; done: number }): void => {
    task.update((models.findIndex(({ name }) => name === source) + done) / models.length, `from ${source}`);
  };
  const attack = attacks.pgd({ norm });
  const matrix = await transferMatrix(models, test, { attack, epsilon, seed, signal, onProgress });
  task.end(`${models.length} models at ε = ${epsilon}`);
  return matrix;
}

/** Options that only the evaluation can judge are named as they are here. */
async function naming<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const message = error instanceof KwtaError ? error.message : '';
    const [, option, problem] = message.match(/^evaluateRobustness\.(\w+)((?:\.\w+)*: .*)/s) ?? [];
    if (option === undefined) throw error;
    throw new UsageError(`--${option}${problem}`);
  }
}

/** How many images of a model a page shows of each attack, and of how many attacks. */
const shown = { each: 2, attacks: 3 };

/** Of each model, what those attacks made of images that broke most at the first radius. */
async function examplesOf(
  { models: drawn }: Evaluation,
  { epsilons: [epsilon], provenance }: RobustnessReport | ComparisonReport,
  models: readonly LoadedModel[],
  test: Dataset,
  { seed, maxQueries }: Flags,
  signal: AbortSignal,
): Promise<Example[]> {
  const examples: Example[] = [];
  for (const result of drawn) {
    const { model } = models.find(({ name }) => name === result.name) as LoadedModel;
    const strongest = result.attacks
      .filter((attack) => attack.epsilon === epsilon)
      .sort((a, b) => a.correct - b.correct)
      .slice(0, shown.attacks);
    const attacks = strongest.map(({ name }) => ({
      name,
      attack: provenance.attacks.find((entry) => entry.name === name)?.attack as AttackSpec,
    }));
    const options = { attacks, epsilon, each: shown.each, seed, maxQueries, signal };
    examples.push(...(await pickExamples(model, test, result, options)));
  }
  return examples;
}
