/** `kwta analyse`: what happens inside models: jumps, linear regions, changes of patterns, the loss around an image. */
import type { Command } from 'commander';
import { createRuntime } from '../index.js';
import { type Analysis, analysisVerdict, renderAnalysis } from '../report/analysis.js';
import { duration } from '../report/format.js';
import { addImageOptions, type ImageFlags, readImages } from './dataFolder.js';
import { lookInside, usualInside } from './inside.js';
import { interruptible } from './interrupt.js';
import { loadModels, modelOption, type NamedFile } from './models.js';
import {
  addJsonOption,
  addRuntimeOptions,
  integer,
  outputFile,
  type RuntimeFlags,
  radii,
  UsageError,
} from './options.js';
import { formatJson, writeText } from './output.js';
import { Progress } from './progress.js';

const usualSamples = 16;

interface Flags extends ImageFlags, RuntimeFlags {
  model: NamedFile[];
  epsilon: number[];
  segments: number;
  maxEvents: number;
  resolution: number;
  seed: number;
  json?: string;
  html?: string;
}

export function addAnalyseCommand(program: Command): void {
  const command = program
    .command('analyse')
    .summary('look inside models: jumps, linear regions, patterns, loss')
    .description(
      'Shows side by side how models change from point to point: where their logits jump, how many linear regions there are, ' +
        'how many winners change with the distance, and the loss around an image.',
    )
    .addOption(modelOption('model to look into, once for each; its name is that of the file unless given'));
  addImageOptions(command, usualSamples)
    .option('--epsilon <radius>', 'radius of the attack and of the planes, in pixel units (L-inf)', radii, [0.1])
    .option(
      '--segments <n>',
      'segments between neighbouring images for linear regions',
      integer(1),
      usualInside.segments,
    )
    .option('--max-events <n>', 'changes to follow along each segment', integer(1), usualInside.maxEvents)
    .option('--resolution <n>', 'points along either side of a plane', integer(2), usualInside.resolution)
    .option('--seed <n>', 'of noise, attacks and random directions', integer(0), 0);
  addRuntimeOptions(command);
  addJsonOption(command, 'write all figures')
    .option('--html <file>', 'write a page with pictures, models side by side', outputFile)
    .action(analyse);
}

async function analyse(flags: Flags): Promise<void> {
  if (flags.epsilon.length !== 1 || flags.epsilon[0] === 0) {
    throw new UsageError(`--epsilon: expected one radius above 0, got ${flags.epsilon.join(',')}`);
  }
  const progress = new Progress();
  const result = await interruptible(
    (signal) => run(flags, progress, signal),
    () => progress.note('stopping'),
  ).finally(() => progress.clear());
  for (const sentence of analysisVerdict(result)) console.log(sentence);
  console.log(`${result.dataset}, ${result.samples} images, seed ${result.seed}, ${duration(result.seconds)} in all.`);
  if (flags.json !== undefined) {
    await writeText(flags.json, formatJson(result));
    console.log(`Figures: ${flags.json}`);
  }
  if (flags.html !== undefined) {
    await writeText(flags.html, renderAnalysis(result));
    console.log(`Page: ${flags.html}`);
  }
}

async function run(flags: Flags, progress: Progress, signal: AbortSignal): Promise<Analysis> {
  const { threads, deterministic } = flags;
  const [epsilon] = flags.epsilon;
  const test = await readImages(flags, usualSamples);
  await using runtime = await createRuntime({ threads, deterministic });
  const models = await loadModels(runtime, flags.model, test);
  progress.note(`${test.name}: ${test.length} images; kernels ${runtime.info.variant}`);
  // The runtime is needed until then.
  return await lookInside(runtime, models, test, { ...flags, epsilon }, progress, signal);
}
