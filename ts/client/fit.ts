/** Starts a training run: options checked, the job in the engine, checkpoints handed on as states arrive. */
import { platform } from '#platform';
import { checkKeys } from '../base/check.js';
import { ConfigError, DataError, DivergedError } from '../base/errors.js';
import { checkPath, isUrl } from '../base/paths.js';
import { boolean, parse } from '../base/schema.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { isStream, type StreamedDataset } from '../data/stream.js';
import type { FitProgress } from '../engine/protocol.js';
import type { AugmentSpec } from '../train/augment/index.js';
import { type CheckpointTimes, checkpointSchema, decodeCheckpoint } from '../train/checkpoint.js';
import type { EpochEvent, FitEvent } from '../train/fit.js';
import type { OptimizerSpec } from '../train/optimizers/index.js';
import type { RegimeSpec } from '../train/regimes/index.js';
import type { AnnealSchedule } from '../train/schedules/anneal.js';
import type { LearningRateSchedule } from '../train/schedules/learningRate.js';
import { type FitSpec, fitSchema } from '../train/spec.js';
import type { TrainState } from '../train/state.js';
import { Checkpoints, type Written } from './checkpoints.js';
import type { Connection } from './connection.js';
import { Feeder } from './feeder.js';
import { FitRun, type History } from './fitRun.js';
import { Preparer } from './preparer.js';

/** Options of {@link Model.fit}. */
export interface FitOptions {
  /** Passes over the data, >= 1; `regimes.free` takes as many steps with each batch as it has replays. */
  epochs: number;
  /** Samples of a step, >= 1; 64 by default. */
  batchSize?: number;
  /** `optim.sgd`, `optim.adam` or `optim.adamw`. */
  optimizer: OptimizerSpec;
  /** Factor on the optimizer's learning rate; constant by default. */
  lr?: LearningRateSchedule;
  /** Changes gamma of the k-WTA layers from epoch to epoch. */
  gamma?: AnnealSchedule;
  /**
   * Estimates batch norm's running statistics from all samples whenever gamma changes, before the first step with it; costs
   * a forward pass over the data each time. False by default: they follow gamma by their momentum.
   */
  estimateStatistics?: boolean;
  /** `regimes.natural()` by default. */
  regime?: RegimeSpec;
  /** What is done to samples before a step, in this order: `augment.padCrop`, `flip`, `cutOut`, `mixUp`. Nothing by default. */
  augment?: readonly AugmentSpec[];
  /** Share of each target, in [0, 1), that is spread over all classes (Szegedy et al. 2016); 0 by default. */
  labelSmoothing?: number;
  /** One weight > 0 a class, on the loss of its samples, whose mean is weighted; 1 by default. */
  classWeights?: readonly number[];
  /** Largest L2 norm > 0 of all gradients together: longer ones are shortened. No limit by default. */
  clipGradient?: number;
  /**
   * Keeps a moving average of the weights, `decay` in [0, 1) of the old one a step. It is what is validated, what a checkpoint
   * gives as a model, and what the model has when the run has come to its end; training itself goes on with its own weights.
   */
  ema?: { decay: number };
  /**
   * The same with the mean of the weights after each epoch from `from` on, counted from 0 (stochastic weight averaging); batch
   * norm's statistics are estimated for it, which costs a forward pass over the data each time.
   */
  swa?: { from: number };
  /** Ends the run when `patience` epochs, one after another, have not been better on the validation data than the best before. */
  earlyStop?: { patience: number };
  /** Held-out data whose accuracy is reported after every epoch. */
  validation?: Dataset;
  /** Of the order of samples and of adversarial starts; 0 by default. */
  seed?: number;
  /**
   * Writes the run to a file now and then: `runtime.load` makes a model of it, `resumeFrom` goes on with the run. A write
   * that fails does not stop the training: the next one is tried as before, and `history.warnings` tells. When it was the
   * last one, the run ends with a {@link DataError} whose `history` is that of the run.
   */
  checkpoint?: CheckpointOptions;
  /**
   * A checkpoint's path, or what `run.state()` gave: this run goes on from there, to the same bits (on a runtime that is
   * `deterministic`, whatever its threads). Data and options must be those of the run so far; only `epochs`, counted from
   * the first start, may be more, unless a schedule depends on it. The history begins with the epoch that the state is in.
   */
  resumeFrom?: string | URL | TrainState;
  /** Takes no step before `run.resume()`; false by default. */
  paused?: boolean;
  /** Stops the run, which then throws the reason of the signal; the model is as after its last whole step. */
  signal?: AbortSignal;
}

/** Which checkpoints there are. Each is written whole or not at all. */
export interface CheckpointOptions {
  /**
   * Of the newest: a file in Node, `opfs:` and a path in a browser. An older one of step `n` is beside it as `<stem>-<n>`, the
   * best as `<stem>-best`, with the same extension.
   */
  path: string | URL;
  /** After every so many epochs; 1 by default. */
  everyEpochs?: number;
  /** In place of that, after every so many steps. */
  everySteps?: number;
  /** How many there are at most, the newest included and the best not; 1 by default. */
  keep?: number;
  /** Another one after each epoch whose accuracy on the validation data is better than all before; false by default. */
  best?: boolean;
}

/** What goes to the engine with the options; the others are looked after here. */
const fieldNames = Object.keys(fitSchema.entries);

/** See `Model.fit`. */
export function startFit(
  connection: Connection,
  model: string,
  train: Dataset | StreamedDataset,
  options: FitOptions,
): FitRun {
  checkKeys('fit', options, [...fieldNames, 'validation', 'checkpoint', 'resumeFrom', 'paused', 'signal']);
  const { validation, checkpoint, signal, resumeFrom, paused, ...fields } = options;
  if (paused !== undefined) parse(boolean(), paused, 'fit.paused');
  if (!isStream(train)) checkDataset('train', train);
  if (validation !== undefined) checkDataset('validation', validation);
  const parsed = parse(fitSchema, fields, 'fit');
  if (parsed.earlyStop !== undefined && validation === undefined) {
    throw new ConfigError('fit.earlyStop: expected validation data, got none');
  }
  const spec = { ...parsed, batchSize: Math.min(parsed.batchSize, train.length) };
  if (isStream(train)) checkRestarts(train, spec, resumeFrom !== undefined);
  const wanted = checkpoint && checkpointOf(checkpoint, validation !== undefined);
  const checkpoints = wanted && new Checkpoints(wanted.path, wanted.keep);
  if (typeof resumeFrom === 'string' || isUrl(resumeFrom)) checkPath('fit.resumeFrom', resumeFrom);
  const job = connection.newJob();
  const origin = originOf(resumeFrom);
  // The job is known to the engine once `start` has gone on from here.
  const known = async <T>(call: () => Promise<T>): Promise<T> => {
    await origin;
    return call();
  };
  const state = (): Promise<TrainState> => known(() => connection.call('trainState', job));
  const pause = (): Promise<void> => known(() => connection.call('pause', job));
  const resume = (steps?: number): Promise<void> => known(() => connection.call('resume', job, steps));
  const start = async (report: (event: FitEvent) => void): Promise<History> => {
    // Without a file to read, the engine hears of the run before anything that its caller asks next.
    const from = origin instanceof Promise ? await origin : origin;
    if (from?.written && String(resumeFrom) === String(wanted?.path)) checkpoints?.adopt(from.written);
    const onProgress = ({ event, newest, best }: FitProgress): void => {
      report(event);
      if (best !== undefined) checkpoints?.write('best', best);
      if (newest !== undefined) checkpoints?.write('newest', newest);
    };
    const feeder = isStream(train) ? new Feeder(train, spec) : undefined;
    const preparer = isStream(train) ? undefined : Preparer.start(connection.program, train.toPlain(), spec);
    const engineOptions = { checkpoint: wanted?.due, from: from?.state, ring: preparer?.ring, paused };
    try {
      const fields = isStream(train) ? await untilAborted((feeder as Feeder).info(), signal) : train.toPlain();
      const args = [model, fields, validation?.toPlain(), spec, engineOptions] as const;
      const events = await connection.job('fit', [...args], { signal, onProgress }, job, feeder?.port);
      await feeder?.end();
      const warning = await preparer?.end();
      const epochs = events.filter((event): event is EpochEvent => event.type === 'epoch');
      const warnings = epochs.flatMap((epoch) => epoch.warnings ?? []);
      if (warning !== undefined) warnings.push(warning);
      const history: History = { epochs };
      if (warnings.length > 0) history.warnings = warnings;
      return checkpoints === undefined ? history : await checkpoints.close(history);
    } catch (error) {
      void feeder?.end();
      await Promise.all([preparer?.end(), checkpoints?.settle()]);
      throw withCheckpoint(error, checkpoints?.last);
    }
  };
  const writeNow = async (): Promise<void> => {
    if (checkpoints === undefined) throw new ConfigError('checkpoint: expected fit.checkpoint.path, got none');
    checkpoints.write('newest', await state());
    await checkpoints.settle();
    checkpoints.check();
  };
  return new FitRun(start, { state, checkpoint: writeNow, pause, resume });
}

/** What `work` gives, unless the signal is aborted before. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  signal?.throwIfAborted();
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason);
  });
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** @throws {ConfigError} when samples that can be read once would be read again. */
function checkRestarts({ source }: StreamedDataset, spec: FitSpec, resumed: boolean): void {
  if ('read' in source || source.restarts) return;
  const again = [
    spec.epochs > 1 && `${spec.epochs} epochs`,
    spec.estimateStatistics && 'estimateStatistics',
    spec.swa && 'swa',
    resumed && 'resumeFrom',
  ].filter(Boolean);
  if (again.length === 0) return;
  throw new ConfigError(
    `train: expected samples that can be read again, for ${again.join(' and ')}; got an iterator that has one pass: ` +
      'give datasets.fromIterable a function that begins anew',
  );
}

/** What a run goes on from, and what it was read from. */
interface Origin {
  state: TrainState;
  written?: Written;
}

function originOf(from: FitOptions['resumeFrom']): Origin | Promise<Origin> | undefined {
  if (from === undefined) return undefined;
  return typeof from === 'string' || isUrl(from) ? readOrigin(from) : { state: from };
}

async function readOrigin(from: string | URL): Promise<Origin> {
  const bytes = await platform.readFile(from);
  if (bytes === undefined) throw new DataError(`fit.resumeFrom: there is no file ${from}`);
  const { state, older } = decodeCheckpoint(String(from), bytes);
  return { state, written: { step: state.step, bytes, older } };
}

/** A run that has diverged says where the last state is that had not. */
function withCheckpoint(error: unknown, last: Checkpoints['last']): unknown {
  if (!(error instanceof DivergedError) || last === undefined) return error;
  const { message, cause } = error;
  return new DivergedError(`${message}; the last good checkpoint is ${last.path}, of step ${last.step}`, { cause });
}

/** Where checkpoints go, and when. @throws {ConfigError} for a path that cannot be written. */
function checkpointOf(
  options: CheckpointOptions,
  validated: boolean,
): { path: string | URL; keep: number; due: CheckpointTimes } {
  checkKeys('fit.checkpoint', options, ['path', 'everyEpochs', 'everySteps', 'keep', 'best']);
  const { path, ...rest } = options;
  checkPath('fit.checkpoint.path', path);
  const { keep, ...due } = parse(checkpointSchema, rest, 'fit.checkpoint');
  if (due.best && !validated) throw new ConfigError('fit.checkpoint.best: expected validation data, got none');
  const problem = platform.checkWritable(path);
  if (problem !== undefined) throw new ConfigError(`fit.checkpoint.path: cannot write ${path}: ${problem}`);
  return { path, keep, due };
}
