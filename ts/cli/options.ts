/** Options that several commands have, and parsers of their values. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { whyNotWritable } from '../platform/nodeFiles.js';

/** Options that were each well formed, but cannot be fulfilled: exit code 2. */
export class UsageError extends Error {}

/** Parser of whole numbers >= `min`. */
export function integer(min: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < min) {
      throw new InvalidArgumentError(`expected a whole number >= ${min}.`);
    }
    return value;
  };
}

/** Parser of a share of winners. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value > 0 && value <= 1)) {
    throw new InvalidArgumentError('expected a number above 0 and at most 1.');
  }
  return value;
}

/** Parser of a file to be written: whether it can be must be known before any work begins. */
export function outputFile(path: string): string {
  const problem = whyNotWritable(path);
  if (problem !== undefined) throw new InvalidArgumentError(`${problem}.`);
  return path;
}

/** `--threads` and `--deterministic`. */
export interface RuntimeFlags {
  threads?: number;
  deterministic?: boolean;
}

/** Adds the options that say how the kernels run. */
export function addRuntimeOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--threads <n>', 'threads to compute on (default: as many as the machine has)').argParser(integer(1)),
    )
    .addOption(new Option('--deterministic', 'the same bits on every machine and for every number of threads'));
}

/** Adds `--json`. */
export function addJsonOption(command: Command, what: string): Command {
  return command.addOption(new Option('--json <file>', what).argParser(outputFile));
}
