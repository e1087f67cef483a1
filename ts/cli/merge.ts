/** `kwta merge`: the report of an evaluation whose parts were made by `kwta evaluate --shard`. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { type Command, Option } from 'commander';
import { ConfigError, DataError, mergeReports } from '../index.js';
import { evaluationOf } from '../report/result.js';
import { showReport } from './evaluate.js';
import { addJsonOption, outputFile, UsageError } from './options.js';

interface Flags {
  json?: string;
  html?: string;
  name?: string;
}

export function addMergeCommand(program: Command): void {
  const command = program
    .command('merge')
    .summary('make the report of an evaluation from its parts')
    .description('Joins the parts that kwta evaluate --shard wrote: the report of the single run, bit by bit.')
    .argument('<parts...>', 'files of all parts, in any order')
    .option('--name <text>', 'what the model is called, if there is one alone');
  addJsonOption(command, 'write the report, which kwta verify checks')
    .addOption(new Option('--html <file>', 'write the report as a page with curves').argParser(outputFile))
    .action(merge);
}

async function merge(files: string[], flags: Flags): Promise<void> {
  const parts = await Promise.all(files.map(readPart));
  try {
    const report = await mergeReports(parts);
    await showReport(report, evaluationOf(report, { name: flags.name ?? 'model' }), flags);
  } catch (error) {
    if (!(error instanceof DataError || error instanceof ConfigError)) throw error;
    throw new UsageError(error.message.replaceAll(/parts\[(\d+)\]/g, (_, p: string) => basename(files[Number(p)])));
  }
}

async function readPart(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch {
    throw new UsageError(`${file}: expected a part of a report as JSON, found none`);
  }
}
