#!/usr/bin/env node
/** The command `kwta`. Exit codes: 0 done, 1 failed (or not verified), 2 wrong options, 130 and 143 interrupted. */
import { Command, CommanderError } from 'commander';
import { KwtaError } from '../index.js';
import { addAnalyseCommand } from './analyse.js';
import { addAttackCommand } from './attack.js';
import { addConvertCommand } from './convert.js';
import { addDataCommand } from './data.js';
import { addDemoCommand } from './demo/command.js';
import { addEvaluateCommand } from './evaluate.js';
import { addInfoCommand } from './info.js';
import { Interrupted } from './interrupt.js';
import { addMergeCommand } from './merge.js';
import { UsageError } from './options.js';
import { addPageCommand } from './page.js';
import { addSweepCommand } from './sweep/command.js';
import { addWorkerCommand } from './sweep/workerCommand.js';
import { addTrainCommand } from './train/command.js';
import { addVerifyCommand } from './verify.js';
import { packageVersion } from './version.js';

const program = new Command('kwta')
  .description('Trains k-Winners-Take-All networks and measures honestly how robust they are.')
  .version(packageVersion())
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(oneLine(text)) });
// Who reads may have seen enough (`kwta demo | head -1`): the work goes on, for the files that it writes.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
addDemoCommand(program);
addTrainCommand(program);
addAttackCommand(program);
addEvaluateCommand(program);
addMergeCommand(program);
addVerifyCommand(program);
addSweepCommand(program);
addWorkerCommand(program);
addAnalyseCommand(program);
addConvertCommand(program);
addDataCommand(program);
addInfoCommand(program);
addPageCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Commander's message, with its suggestion on the same line. */
function oneLine(text: string): string {
  return text.replace(/^error: /, 'kwta: ').replace('\n(', ' (');
}

/** Says what went wrong, in one line where one line explains it. */
function exitCodeOf(error: unknown): number {
  // Commander has said what there is to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof UsageError) {
    console.error(`kwta: ${error.message}`);
    return 2;
  }
  console.error(error instanceof KwtaError ? `kwta: ${error.message}` : error);
  return 1;
}
