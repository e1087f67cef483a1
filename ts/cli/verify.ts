/** `kwta verify`: whether a report holds, by doing it again. Exit codes: 0 it holds, 1 it does not, 2 wrong options. */
import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { createRuntime, type Verification, verifyReport } from '../index.js';
import { addDataOptions, type DataFlags, readDataFolder } from './dataFolder.js';
import { EvaluationWatch } from './evaluationProgress.js';
import { interruptible } from './interrupt.js';
import { loadModels, modelOption, type NamedFile } from './models.js';
import { UsageError } from './options.js';
import { Progress } from './progress.js';

interface Flags extends DataFlags {
  model: NamedFile[];
  adversarials?: string;
}

export function addVerifyCommand(program: Command): void {
  const command = program
    .command('verify')
    .summary('check a report by doing it again')
    .description(
      'Checks a report of kwta evaluate by doing it again on the same models and images, and names every line of it that ' +
        'does not hold.',
    )
    .argument('<report>', 'file that --json of kwta evaluate wrote')
    .addOption(modelOption('model of the report, once for each, with the names that they had'));
  addDataOptions(command)
    .option('--adversarials <file>', 'file that --adversarials of kwta evaluate wrote')
    .action(verify);
}

async function verify(path: string, flags: Flags): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw new UsageError(`<report>: there is no file ${path} that can be read`);
  });
  const progress = new Progress();
  const { verified, problems } = await interruptible(
    (signal) => run(text, flags, progress, signal),
    () => progress.note('stopping'),
  ).finally(() => progress.clear());
  if (verified) {
    console.log(`${path} holds: everything in it was found again.`);
    return;
  }
  console.log(`${path} does not hold:`);
  for (const problem of problems) console.log(`  ${problem}`);
  process.exitCode = 1;
}

async function run(text: string, flags: Flags, progress: Progress, signal: AbortSignal): Promise<Verification> {
  const { adversarials } = flags;
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch (error) {
    return { verified: false, problems: [`expected JSON: ${(error as Error).message}`] };
  }
  const test = await readDataFolder(flags);
  await using runtime = await createRuntime({ deterministic: !isRelaxed(report) });
  const models = await loadModels(runtime, flags.model, test);
  const watch = new EvaluationWatch(progress);
  const options = { adversarials, signal, onProgress: watch.report };
  const several = 'models' in Object(report);
  const given = several ? models : models[0].model;
  if (!several && models.length > 1) {
    throw new UsageError(`--model: expected the one model of the report, got ${models.length}`);
  }
  const verification = await verifyReport(report, given, test, options);
  watch.end();
  return verification;
}

/** Whether a report needs kernels that are not the same on every machine; whatever else it is, others look at. */
function isRelaxed(report: unknown): boolean {
  const { provenance } = Object(report) as { provenance?: { runtime?: { variant?: unknown } } };
  return provenance?.runtime?.variant === 'relaxed-threads';
}
