/** A sweep file turned into trials: which options each has, its training and its evaluation, and what is measured of it. */

import { type Problem, problemsText } from '../base/plain.js';
import { Random, STREAMS } from '../base/random.js';
import { version } from '../base/version.js';
import { askedOf } from '../evaluate/plan.js';
import { ConfigError } from '../index.js';
import { examineConfig, type TrainConfig } from '../train/config.js';
import { annealSpansRun } from '../train/schedules/anneal.js';
import { spansRun } from '../train/schedules/learningRate.js';
import type { PlannedTrial } from './board.js';
import { type EvaluateConfig, examineEvaluation, examineSweep, type Range, type SweepConfig } from './config.js';
import { type Rung, rungsOf } from './halving.js';
import { hashOf } from './hash.js';

/** A sweep, checked. */
export interface SweepPlan {
  config: SweepConfig;
  folder: string;
  trials: PlannedTrial[];
  rungs: Rung[];
  /** Of all that makes it this sweep. */
  hash: string;
  /** Of what every trial is measured; the first is the objective. */
  figures: string[];
}

/** What one trial does in one rung. */
export interface TrialTask {
  train: TrainConfig;
  evaluate?: EvaluateConfig;
  /** Of the training with its epochs, and of all. */
  trainHash: string;
  hash: string;
}

/** What `problems` of a sweep file look like: all at once. */
const fail = (problems: readonly Problem[], inside = ''): never => {
  throw new ConfigError(problemsText(inside, problems).replaceAll(/(^|; )\./g, '$1'));
};

/** @throws {ConfigError} naming all that is wrong, also with any trial. */
export function planSweep(value: unknown): SweepPlan {
  const examined = examineSweep(value);
  if ('problems' in examined) return fail(examined.problems);
  const config = examined.output;
  checkPlaces(config);
  const combinations = combinationsOf(config);
  const seeds = Array.isArray(config.seeds) ? config.seeds : Array.from({ length: config.seeds }, (_, i) => i);
  const trials = combinations.flatMap((options, group) =>
    seeds.map((seed) => ({ options, seed, group, parameters: parametersOf(config, options, seed, seeds) })),
  );
  const { search } = config;
  const rungs =
    search.type === 'halving'
      ? rungsOf(combinations.length, search.epochs, search.factor)
      : [{ epochs: 0, survivors: combinations.length }];
  const tasks = trials.map((trial) => taskOf(config, rungs, trial, rungs.length - 1));
  const figures = figuresOf(config, tasks[0]);
  for (const task of tasks) checkFigures(figures[0], figuresOf(config, task));
  const { folder = `${config.name}.sweep`, ...rest } = config;
  return { config, folder, trials, rungs, hash: hashOf({ version, ...rest }), figures };
}

function checkPlaces({ over, train, evaluate }: SweepConfig): void {
  for (const key of Object.keys(over)) {
    if (!/^(train|evaluate)(\.\w+)+$/.test(key)) {
      throw new ConfigError(`over: expected places such as train.optimizer.lr, got '${key}'`);
    }
    if (key === 'train.seed') throw new ConfigError('over: expected seeds in their own option, got train.seed');
    if (key.startsWith('evaluate.') && evaluate === undefined) {
      throw new ConfigError(`over: ${key}: expected an evaluation in the sweep, got none`);
    }
  }
  for (const key of ['seed', 'run', 'out'].filter((key) => Object.hasOwn(train, key))) {
    throw new ConfigError(`train.${key}: the sweep chooses it; expected none${key === 'seed' ? '; see seeds' : ''}`);
  }
}

type Options = Record<string, unknown>;

function combinationsOf({ search, over }: SweepConfig): Options[] {
  const entries = Object.entries(over);
  if (search.type === 'grid') {
    return entries.reduce<Options[]>(
      (all, [key, values]) => all.flatMap((one) => (values as unknown[]).map((value) => ({ ...one, [key]: value }))),
      [{}],
    );
  }
  return Array.from({ length: search.trials }, (_, trial) => {
    const random = new Random(search.seed, STREAMS.sweep + trial);
    return Object.fromEntries(entries.map(([key, values]) => [key, drawn(values, random.uniform())]));
  });
}

/** Six digits: logarithms differ in their last bits from machine to machine. */
function drawn(values: unknown[] | Range, uniform: number): unknown {
  if (Array.isArray(values)) return values[Math.floor(uniform * values.length)];
  const { low, high, step, log } = values;
  if (step !== undefined) {
    const steps = Math.floor((high - low) / step + 1e-9) + 1;
    return Number((low + step * Math.floor(uniform * steps)).toPrecision(12));
  }
  const value = log ? low * (high / low) ** uniform : low + uniform * (high - low);
  return Math.min(Math.max(Number(value.toPrecision(6)), low), high);
}

/** As Optuna describes them. */
function parametersOf(
  { over }: SweepConfig,
  options: Options,
  seed: number,
  seeds: readonly number[],
): PlannedTrial['parameters'] {
  const own = Object.entries(over).map(([key, values]) => [key, parameterOf(values, options[key])] as const);
  return Object.fromEntries([...own, ['seed', parameterOf([...seeds], seed)]]);
}

function parameterOf(values: unknown[] | Range, value: unknown): PlannedTrial['parameters'][string] {
  const distribution = (name: string, attributes: object): string => JSON.stringify({ name, attributes });
  if (!Array.isArray(values)) {
    const { low, high, step = null, log } = values;
    return { distribution: distribution('FloatDistribution', { low, high, step, log }), value: value as number };
  }
  // What is no plain value stands there as text.
  const choices = values.map((each) => (typeof each === 'object' && each !== null ? JSON.stringify(each) : each));
  return { distribution: distribution('CategoricalDistribution', { choices }), value: values.indexOf(value) };
}

/** The training and the evaluation of a trial in one rung. @throws {ConfigError} naming all that is wrong. */
export function taskOf(
  config: SweepConfig,
  rungs: readonly Rung[],
  { options, seed }: Pick<PlannedTrial, 'options' | 'seed'>,
  rung: number,
): TrialTask {
  const base = { train: { ...config.train, seed }, ...(config.evaluate && { evaluate: config.evaluate }) };
  const { train, evaluate } = Object.entries(options).reduce<Options>(
    (tree, [key, value]) => placed(tree, key.split('.'), value),
    base,
  ) as { train: Options; evaluate?: Options };
  const epochs = rungs.length > 1 ? { epochs: rungs[rung].epochs } : {};
  // Results are to be the same whoever computes them.
  const trained = examineConfig({ deterministic: true, ...train, ...epochs });
  if ('problems' in trained) return fail(trained.problems, 'train');
  if (rungs.length > 1) checkGoesOn(trained.output);
  const { threads: _, checkpoint: __, ...lasting } = trained.output;
  const trainHash = hashOf({ version, train: lasting });
  if (evaluate === undefined) return { train: trained.output, trainHash, hash: hashOf({ trainHash }) };
  const evaluated = examineEvaluation({ data: trained.output.data, ...evaluate });
  if ('problems' in evaluated) return fail(evaluated.problems, 'evaluate');
  const hash = hashOf({ trainHash, evaluate: evaluated.output });
  return { train: trained.output, evaluate: evaluated.output, trainHash, hash };
}

/** What has been trained must be the same whatever comes after it. @throws {ConfigError} */
function checkGoesOn({ lr, gamma }: TrainConfig): void {
  const spans = [lr && spansRun(lr) && ['lr', lr.type], gamma && annealSpansRun(gamma) && ['gamma', gamma.type]];
  for (const [place, type] of spans.flatMap((each) => (each ? [each] : []))) {
    throw new ConfigError(
      `train.${place}: expected a schedule that does not depend on the number of epochs, for a halving trains on, got ${type}`,
    );
  }
}

function placed(tree: unknown, [key, ...rest]: readonly string[], value: unknown): Options {
  const inside = typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? (tree as Options) : {};
  return { ...inside, [key]: rest.length === 0 ? value : placed(inside[key], rest, value) };
}

/** What is measured, the objective first. */
function figuresOf({ objective }: SweepConfig, { train, evaluate }: TrialTask): string[] {
  const known = [
    ...(train.test ? ['test'] : []),
    ...(train.validation === undefined ? [] : ['validation']),
    ...(evaluate === undefined ? [] : evaluatedFigures(evaluate)),
  ];
  const usual = evaluate === undefined ? (train.validation === undefined ? 'test' : 'validation') : 'worstCase';
  const asked = objective ?? usual;
  const own = evaluate !== undefined && asked === 'worstCase' ? `worstCase@${Math.max(...evaluate.epsilons)}` : asked;
  checkFigures(own, known);
  return [own, ...known.filter((figure) => figure !== own)];
}

function checkFigures(objective: string, known: readonly string[]): void {
  if (known.includes(objective)) return;
  throw new ConfigError(`objective: expected one of ${known.join(', ')}, got '${objective}'`);
}

/** @throws {ConfigError} for what an evaluation would refuse, which comes after the training. */
function evaluatedFigures(config: EvaluateConfig): string[] {
  const { attacks, epsilons } = askedOf(config, 'evaluate');
  const names = ['worstCase', ...attacks.map(({ name }) => name)];
  return ['clean', ...names.flatMap((name) => epsilons.map((epsilon) => `${name}@${epsilon}`))];
}
