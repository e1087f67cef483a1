/** Starts a training run: options checked, the job in the engine, checkpoints handed on as snapshots arrive. */
import { platform } from '#platform';
import { checkInteger, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { parse } from '../base/schema.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import type { FitProgress } from '../engine/protocol.js';
import type { EpochEvent, FitEvent } from '../train/fit.js';
import type { OptimizerSpec } from '../train/optimizers/index.js';
import type { RegimeSpec } from '../train/regimes/index.js';
import type { AnnealSchedule } from '../train/schedules/anneal.js';
import type { LearningRateSchedule } from '../train/schedules/learningRate.js';
import { fitSchema } from '../train/spec.js';
import type { TrainState } from '../train/state.js';
import { Checkpoints } from './checkpoints.js';
import type { Connection } from './connection.js';
import { FitRun, type History } from './fitRun.js';

/** Options of {@link Model.fit}. */
export interface FitOptions {
  /** Passes over the data, >= 1. */
  epochs: number;
  /** Samples of a step, >= 1; 64 by default. */
  batchSize?: number;
  optimizer: OptimizerSpec;
  /** Factor on the optimizer's learning rate; constant by default. */
  lr?: LearningRateSchedule;
  /** Changes gamma of the k-WTA layers from epoch to epoch. */
  gamma?: AnnealSchedule;
  /** `regimes.natural()` by default. */
  regime?: RegimeSpec;
  /** Held-out data whose accuracy is reported after every epoch. */
  validation?: Dataset;
  /** Of the order of samples and of adversarial starts; 0 by default. */
  seed?: number;
  /**
   * Writes the model to `path` after every `everyEpochs` epochs (1 by default), whole or not at all. A write that
   * fails does not stop the training: the next one is tried as before, and `history.warnings` tells. When it was the
   * last one, the run ends with a {@link DataError} whose `history` is that of the run.
   */
  checkpoint?: { path: string | URL; everyEpochs?: number };
  /**
   * What `run.state()` gave: this run goes on from there, to the same bits. Data and options must be those of the
   * run so far; only `epochs`, counted from the first start, may be more, unless the schedule depends on it. The
   * history begins with the epoch that the state is in.
   */
  resumeFrom?: TrainState;
  signal?: AbortSignal;
}

const fitKeys = [
  'epochs',
  'batchSize',
  'optimizer',
  'lr',
  'gamma',
  'regime',
  'validation',
  'seed',
  'checkpoint',
  'resumeFrom',
  'signal',
];

/** See `Model.fit`. */
export function startFit(connection: Connection, model: string, train: Dataset, options: FitOptions): FitRun {
  checkKeys('fit', options, fitKeys);
  const { epochs, batchSize, optimizer, lr, gamma, regime, seed, validation, signal, resumeFrom } = options;
  checkDataset('train', train);
  if (validation !== undefined) checkDataset('validation', validation);
  const parsed = parse(fitSchema, { epochs, batchSize, optimizer, lr, gamma, regime, seed }, 'fit');
  const spec = { ...parsed, batchSize: Math.min(parsed.batchSize, train.length) };
  const { path, everyEpochs } = checkpointOf(options.checkpoint);
  const checkpoints = path === undefined ? undefined : new Checkpoints(path);
  const engineOptions = { checkpointEvery: path === undefined ? 0 : everyEpochs, from: resumeFrom };
  const job = connection.newJob();
  const start = async (report: (event: FitEvent) => void): Promise<History> => {
    const onProgress = ({ event, snapshot }: FitProgress): void => {
      report(event);
      if (snapshot !== undefined) checkpoints?.write(event.epoch, snapshot);
    };
    const args = [model, train.toPlain(), validation?.toPlain(), spec, engineOptions] as const;
    const events = await connection.job('fit', [...args], { signal, onProgress }, job);
    const history = { epochs: events.filter((event): event is EpochEvent => event.type === 'epoch') };
    return checkpoints === undefined ? history : await checkpoints.close(history);
  };
  return new FitRun(start, () => connection.call('trainState', job));
}

/** Where checkpoints go, and how often. @throws {ConfigError} for a path that cannot be written. */
function checkpointOf(options: FitOptions['checkpoint']): { path?: string | URL; everyEpochs: number } {
  if (options === undefined) return { everyEpochs: 1 };
  checkKeys('fit.checkpoint', options, ['path', 'everyEpochs']);
  const { path, everyEpochs = 1 } = options;
  checkPath('fit.checkpoint.path', path);
  checkInteger('fit.checkpoint.everyEpochs', everyEpochs, { min: 1 });
  const problem = platform.checkWritable(path);
  if (problem !== undefined) throw new ConfigError(`fit.checkpoint.path: cannot write ${path}: ${problem}`);
  return { path, everyEpochs };
}
