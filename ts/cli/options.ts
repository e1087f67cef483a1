/** Options that several commands have, and parsers of their values. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { checkRadius, type Norm } from '../attacks/core/norms.js';
import { ConfigError, type Shard } from '../index.js';
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

/** Parser of radii in pixel units: `0.1,0.2`, or fractions as `8/255`. */
export function radii(text: string): number[] {
  const values = text.split(',').map((part) => {
    const [numerator, denominator = '1', ...more] = part.split('/').map((number) => number.trim());
    const value = Number(numerator) / Number(denominator);
    return more.length > 0 || numerator === '' || denominator === '' ? Number.NaN : value;
  });
  if (!values.every((value) => Number.isFinite(value) && value >= 0)) {
    throw new InvalidArgumentError('expected numbers >= 0 with commas between them, such as 0.1,0.2 or 8/255.');
  }
  if (new Set(values).size < values.length) throw new InvalidArgumentError('expected each radius once.');
  return values;
}

/** Parser of `i/n`: part i of n, from 0, as Slurm and Kubernetes number the tasks of an array. */
export function shardOption(text: string): Shard {
  const [, index, count] = text.match(/^(\d+)\/(\d+)$/) ?? [];
  if (index === undefined || Number(index) >= Number(count)) {
    throw new InvalidArgumentError('expected i/n with i from 0 to n - 1, such as 0/4.');
  }
  return { index: Number(index), count: Number(count) };
}

/** @throws {UsageError} unless these are radii of balls in this norm. */
export function checkRadii(epsilons: readonly number[], norm: Norm): void {
  try {
    for (const epsilon of epsilons) checkRadius('--epsilons', epsilon, norm);
  } catch (error) {
    throw error instanceof ConfigError ? new UsageError(error.message) : error;
  }
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

/** `--seed` and `--max-queries`. */
export interface SeedFlags {
  seed: number;
  maxQueries?: number;
}

/** Adds the options that say how attacks draw and when they end. */
export function addSeedOptions(command: Command): Command {
  return command
    .addOption(new Option('--seed <n>', 'of all that attacks draw').argParser(integer(0)).default(0))
    .option('--max-queries <n>', 'most queries for an image at one radius, forward plus backward', integer(1));
}

/** Adds `--json`. */
export function addJsonOption(command: Command, what: string): Command {
  return command.addOption(new Option('--json <file>', what).argParser(outputFile));
}

/** `--set`, as often as it was given. */
export interface SetFlags {
  set: [key: string, value: string][];
}

/** `--set option=value`; a key may have dots in it. */
export function setOption(what: string, example: string): Option {
  const setting = (text: string): [string, string] => {
    const [, key, value] = text.match(/^([\w.]+)=(.*)$/s) ?? [];
    if (key === undefined) throw new InvalidArgumentError(`expected option=value, such as ${example}.`);
    return [key, value];
  };
  return new Option('--set <option=value>', what)
    .argParser((text: string, before: [string, string][]) => [...before, setting(text)])
    .default([], 'its defaults');
}
