/** `kwta demo`: its options, and where its result goes. */
import { type Command, Option } from 'commander';
import { findingLines } from '../../report/findings.js';
import { duration } from '../../report/format.js';
import { renderReport } from '../../report/html.js';
import { renderTable } from '../../report/table.js';
import { verdict } from '../../report/verdict.js';
import { interruptible } from '../interrupt.js';
import {
  addJsonOption,
  addRuntimeOptions,
  integer,
  outputFile,
  type RuntimeFlags,
  share,
  UsageError,
} from '../options.js';
import { formatJson, writeText } from '../output.js';
import { Progress } from '../progress.js';
import { CASCADE, DEFAULTS, type RegimeName } from './defaults.js';
import { runDemo } from './run.js';

interface Flags extends RuntimeFlags {
  regime: RegimeName;
  gamma: number;
  epochs?: number;
  trainSamples?: number;
  samples: number;
  seed: number;
  data?: string;
  synthetic?: boolean;
  json?: string;
  html?: string;
}

const { adversarial, natural } = DEFAULTS.training;

export function addDemoCommand(program: Command): void {
  const command = program
    .command('demo')
    .summary('train a network with ReLU and with k-WTA, attack both, show what holds')
    .description(
      'Trains the same small network with ReLU and with k-WTA, attacks both, and shows what holds. The images are ' +
        'Fashion-MNIST when it is found (--data, else the folder KWTA_DATA, else the cache of this user) or can be ' +
        'downloaded, else figures that are drawn.',
    )
    .addOption(
      new Option('--regime <name>', 'train on attacked images or on images as they are')
        .choices(['adversarial', 'natural'])
        .default('adversarial'),
    )
    .addOption(
      new Option('--gamma <share>', 'share of winners of the k-WTA network').argParser(share).default(DEFAULTS.gamma),
    )
    .option(
      '--epochs <n>',
      `passes over the training images (default: ${adversarial.epochs}, natural ${natural.epochs})`,
      integer(1),
    )
    .option(
      '--train-samples <n>',
      `images to train on (default: ${adversarial.trainSamples}, natural ${natural.trainSamples})`,
      integer(1),
    )
    .addOption(new Option('--samples <n>', 'test images to attack').argParser(integer(1)).default(DEFAULTS.samples))
    .addOption(
      new Option('--seed <n>', 'of first weights, order and attacks').argParser(integer(0)).default(DEFAULTS.seed),
    )
    .option('--data <dir>', 'folder of the four Fashion-MNIST files')
    .option('--synthetic', 'use the drawn figures even where Fashion-MNIST can be had');
  addRuntimeOptions(command);
  addJsonOption(command, 'write everything that was found, sample by sample')
    .addOption(new Option('--html <file>', 'write a report with curves and example images').argParser(outputFile))
    .action(demo);
}

async function demo(flags: Flags): Promise<void> {
  if (flags.synthetic && flags.data !== undefined) {
    throw new UsageError('--synthetic and --data <dir>: expected at most one of them');
  }
  const { epochs, trainSamples } = DEFAULTS.training[flags.regime];
  const progress = new Progress();
  const result = await interruptible(
    (signal) => runDemo({ epochs, trainSamples, ...flags }, progress, signal),
    () => progress.note('stopping'),
  ).finally(() => progress.clear());

  const sentences = verdict(result);
  console.log(`\n${findingLines(result).join('\n')}`);
  console.log(`\n${renderTable(result, { colors: process.stdout.isTTY })}\n`);
  for (const sentence of sentences) console.log(sentence);
  console.log(`Cascade: ${CASCADE.description}`);
  console.log(
    `\n${result.dataset} (${result.datasetReason}), seed ${result.seed}, ${duration(result.seconds)} in all.`,
  );
  if (flags.json !== undefined) {
    await writeText(flags.json, formatJson({ ...result, verdict: sentences }));
    console.log(`Everything, sample by sample: ${flags.json}`);
  }
  if (flags.html !== undefined) {
    await writeText(flags.html, renderReport(result));
    console.log(`Report: ${flags.html}`);
  }
}
