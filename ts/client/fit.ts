/** Starts a training run: options checked, the job in the engine, checkpoints written as snapshots arrive. */
import { platform } from '#platform';
import { checkInteger, checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { parse } from '../base/schema.js';
import { describe } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import type { FitProgress } from '../engine/protocol.js';
import { encodeModel } from '../io/checkpoint.js';
import type { OptimizerSpec } from '../train/optimizers/index.js';
import type { RegimeSpec } from '../train/regimes/index.js';
import type { AnnealSchedule } from '../train/schedules/anneal.js';
import type { LearningRateSchedule } from '../train/schedules/learningRate.js';
import { fitSchema } from '../train/spec.js';
import type { Connection } from './connection.js';
import { FitRun } from './fitRun.js';
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
  /** Writes the model to `path` after every `everyEpochs` epochs (1 by default), whole or not at all. */
  checkpoint?: { path: string; everyEpochs?: number };
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
  'signal',
];

/** See `Model.fit`. */
export function startFit(connection: Connection, model: string, train: Dataset, options: FitOptions): FitRun {
  if (typeof options !== 'object' || options === null) {
    throw new ConfigError(`fit: expected options { epochs, optimizer, ... }, got ${describe(options)}`);
  }
  checkKeys('fit', options, fitKeys);
  const { epochs, batchSize, optimizer, lr, gamma, regime, seed, validation, signal } = options;
  const { path = undefined, everyEpochs = 1 } = options.checkpoint ?? {};
  checkDataset('train', train);
  if (validation !== undefined) checkDataset('validation', validation);
  const parsed = parse(fitSchema, { epochs, batchSize, optimizer, lr, gamma, regime, seed }, 'fit');
  const spec = { ...parsed, batchSize: Math.min(parsed.batchSize, train.length) };
  if (options.checkpoint !== undefined) {
    checkKeys('fit.checkpoint', options.checkpoint, ['path', 'everyEpochs']);
    if (typeof path !== 'string')
      throw new ConfigError(`fit.checkpoint.path: expected a string, got ${describe(path)}`);
    checkInteger('fit.checkpoint.everyEpochs', everyEpochs, { min: 1 });
  }
  const every = path === undefined ? 0 : everyEpochs;
  return new FitRun(async (report) => {
    let written = Promise.resolve();
    const onProgress = ({ event, snapshot }: FitProgress): void => {
      report(event);
      if (path === undefined || snapshot === undefined) return;
      const { spec, stateDict } = snapshot;
      written = written.then(() => platform.writeFile(path, encodeModel(spec, stateDict)));
      // Awaited below; until then a failure must not count as unhandled.
      written.catch(() => {});
    };
    const events = await connection.job('fit', [model, train.toPlain(), validation?.toPlain(), spec, every], {
      signal,
      onProgress,
    });
    await written;
    return events;
  });
}
