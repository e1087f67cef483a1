/** Starts a training run: options checked, the job in the engine, checkpoints handed on as snapshots arrive. */
import { platform } from '#platform';
import { checkInteger, checkKeys, checkType } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import type { FitProgress } from '../engine/protocol.js';
import type { EpochEvent, FitEvent, FitSpec } from '../train/fit.js';
import type { OptimizerSpec } from '../train/optimizers.js';
import { natural, type RegimeSpec } from '../train/regimes.js';
import type { AnnealSchedule, LearningRateSchedule } from '../train/schedules.js';
import type { TrainState } from '../train/state.js';
import { Checkpoints } from './checkpoints.js';
import type { Connection } from './connection.js';
import { FitRun, type History } from './fitRun.js';
import { checkDataset } from './inputs.js';

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
  checkpoint?: { path: string; everyEpochs?: number };
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
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`fit: expected options { epochs, optimizer, ... }, got ${describe(options)}`);
  }
  checkKeys('fit', options, fitKeys);
  const { epochs, batchSize = 64, optimizer, lr, gamma, regime = natural(), validation, seed = 0, signal } = options;
  const { resumeFrom } = options;
  checkDataset('train', train);
  if (validation !== undefined) checkDataset('validation', validation);
  checkInteger('fit.epochs', epochs, { min: 1 });
  checkInteger('fit.batchSize', batchSize, { min: 1 });
  checkType('fit.optimizer', optimizer, ['sgd', 'adam', 'adamw'], 'optim.sgd(...), adam or adamw');
  checkType('fit.regime', regime, ['natural', 'adversarial'], 'regimes.natural() or adversarial(...)');
  if (lr !== undefined)
    checkType('fit.lr', lr, ['step', 'multiStep', 'cosine'], 'schedules.step(...), multiStep or cosine');
  if (gamma !== undefined) checkType('fit.gamma', gamma, ['anneal'], 'schedules.anneal(...)');
  checkInteger('fit.seed', seed, { min: 0 });
  const { path, everyEpochs } = checkpointOf(options.checkpoint);
  const spec: FitSpec = { epochs, batchSize: Math.min(batchSize, train.length), optimizer, lr, gamma, regime, seed };
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
function checkpointOf(options: FitOptions['checkpoint']): { path?: string; everyEpochs: number } {
  if (options === undefined) return { everyEpochs: 1 };
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`fit.checkpoint: expected { path, everyEpochs }, got ${describe(options)}`);
  }
  checkKeys('fit.checkpoint', options, ['path', 'everyEpochs']);
  const { path, everyEpochs = 1 } = options;
  if (typeof path !== 'string') throw new ConfigError(`fit.checkpoint.path: expected a string, got ${describe(path)}`);
  checkInteger('fit.checkpoint.everyEpochs', everyEpochs, { min: 1 });
  const problem = platform.checkWritable(path);
  if (problem !== undefined) throw new ConfigError(`fit.checkpoint.path: cannot write ${path}: ${problem}`);
  return { path, everyEpochs };
}
