/**
 * A training run as one value: all that its next step depends on. A run that goes on from it ends with the same
 * bits as one that was never stopped, on any number of threads.
 */
import { checkInteger, checkNumber } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { parse } from '../base/schema.js';
import { checkFinite, checkTensor, describe, shapeText, type Tensor } from '../base/tensor.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import type { Network } from '../graph/network.js';
import { checkNamed } from '../graph/parameters.js';
import type { AverageState } from './average.js';
import { checkOptimizerState, type OptimizerState } from './optimizers.js';
import { replaysOf, traitsOf } from './regimes/index.js';
import { annealSpansRun } from './schedules/anneal.js';
import { spansRun } from './schedules/learningRate.js';
import type { TrainingSource } from './source.js';
import { type FitSpec, fitSchema } from './spec.js';

/** Changes with the meaning of a {@link TrainState}. */
const version = 2;

/** Where a run stands between two steps. */
export interface TrainState {
  /** Of this form; another is refused. */
  version: typeof version;
  /** The model's description, with the gamma in use. */
  model: ModelSpec;
  /** Parameters and running statistics, as training goes on with them. */
  stateDict: Record<string, Tensor>;
  /** Moments, by parameter. */
  optimizer: OptimizerState;
  /** What stands for the weights where they are averaged, once there is something to average. */
  average: AverageState | null;
  /** The run's options; schedules need nothing but these and the place in the run. */
  options: FitSpec;
  /** Samples of an epoch, and what tells them from others. */
  samples: number;
  /** A hash of the data. */
  data: string;
  /** Random numbers are drawn by counter: `step` and the options' seed say which come next, and for dropout these. */
  random: { seed: number; step: number; passes: number };
  /** Steps taken. */
  step: number;
  /** The epoch that it is in. */
  epoch: EpochState;
  /** The epoch with the best accuracy on validation data, where there are such; the first of several. */
  best: BestEpoch | null;
  /** The perturbation that `regimes.free` hands on, `[batchSize, C, H, W]`; nothing before the first step, or in other regimes. */
  kept?: Tensor;
}

/** See {@link TrainState}. */
export interface BestEpoch {
  epoch: number;
  accuracy: number;
}

/** The epoch that a run is in. */
export interface EpochState {
  /** From 0. */
  index: number;
  /** Samples that it has been trained on; each counts as often as it is replayed. */
  position: number;
  /** Sum of their losses, how many were right, and how long it took. */
  lossSum: number;
  correct: number;
  seconds: number;
}

/** The state of a run on `network`. */
export function stateOf(
  network: Network,
  run: Pick<TrainState, 'optimizer' | 'average' | 'options' | 'samples' | 'data' | 'step' | 'epoch' | 'best' | 'kept'>,
  passes: number,
): TrainState {
  const { spec: model, state } = network;
  const random = { seed: state.seed, step: state.step, passes };
  const { kept, ...rest } = run;
  const stateDict = network.parameters.read('data');
  return { version, model, stateDict, random, ...rest, epoch: { ...run.epoch }, ...(kept && { kept }) };
}

/**
 * Checks that a run with these options on `network` can go on from `state`.
 *
 * @throws {DataError} for another version or a broken value; {ConfigError} for another model, or naming the
 *   option of the run that would lead to other results; {ShapeError} naming a tensor.
 */
export function checkState(network: Network, options: FitSpec, train: TrainingSource, state: TrainState): void {
  const samples = train.length;
  if (!isObject(state) || state.version !== version) {
    const found = isObject(state) ? `version ${describe(state.version)}` : describe(state);
    throw new DataError(`resumeFrom: expected a training state of version ${version}, got ${found}`);
  }
  for (const key of ['model', 'stateDict', 'optimizer', 'options', 'random', 'epoch'] as const) {
    if (!isObject(state[key]))
      throw new DataError(`resumeFrom.${key}: expected an object, got ${describe(state[key])}`);
  }
  checkOptions(options, parse(fitSchema, state.options, 'resumeFrom.options', DataError));
  if (samples !== state.samples) {
    throw new ConfigError(`resumeFrom: expected ${state.samples} samples, as in the run so far, got ${samples}`);
  }
  if (train.fingerprint !== state.data) {
    throw new ConfigError(`resumeFrom: expected the samples of the run so far, got others (${train.name})`);
  }
  checkPlace(options, samples, state);
  for (const key of ['seed', 'step', 'passes'] as const) {
    checkInteger(`resumeFrom.random.${key}`, state.random[key], { min: 0 });
  }
  if (state.best !== null) {
    if (!isObject(state.best)) throw new DataError(`resumeFrom.best: expected an object, got ${describe(state.best)}`);
    checkInteger('resumeFrom.best.epoch', state.best.epoch, { min: 0, max: state.epoch.index });
    checkNumber('resumeFrom.best.accuracy', state.best.accuracy, { min: 0, max: 1 });
  }
  if (!network.isOfModel(modelOf(state))) {
    throw new ConfigError('resumeFrom: expected the state of a run on this model, got that of another model');
  }
  checkNamed('resumeFrom.stateDict', state.stateDict, network.parameters.byName);
  if (state.average !== null) {
    if (!isObject(state.average)) {
      throw new DataError(`resumeFrom.average: expected an object, got ${describe(state.average)}`);
    }
    checkInteger('resumeFrom.average.count', state.average.count, { min: 1 });
    checkNamed('resumeFrom.average.values', state.average.values, network.parameters.byName);
  }
  checkKept(options, network, state);
  checkOptimizerState('resumeFrom.optimizer', options.optimizer, network.parameters, state.optimizer);
}

/** Makes `network` what it was; the optimizer takes `state.optimizer` itself. */
export function adoptState(network: Network, state: TrainState): void {
  const { stateDict, random } = state;
  network.describe(modelOf(state));
  network.parameters.write(stateDict);
  network.state.seed = random.seed;
  network.state.step = random.step;
}

function modelOf({ model }: TrainState): ModelSpec {
  return parse(modelSchema, model, 'resumeFrom.model', DataError);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

/** More epochs may be wanted than before, unless what has been done depended on their number. */
function checkOptions(now: FitSpec, before: FitSpec): void {
  for (const key of new Set([...Object.keys(now), ...Object.keys(before)] as (keyof FitSpec & string)[])) {
    if (key === 'epochs' && !(now.lr && spansRun(now.lr)) && !(now.gamma && annealSpansRun(now.gamma))) continue;
    const [given, expected] = [JSON.stringify(now[key]), JSON.stringify(before[key])];
    if (given !== expected) {
      throw new ConfigError(`resumeFrom: expected ${key} ${expected}, as in the run so far, got ${given}`);
    }
  }
}

function checkPlace(options: FitSpec, samples: number, { step, epoch }: TrainState): void {
  const { epochs, batchSize } = options;
  const replays = replaysOf(options.regime);
  const perEpoch = Math.ceil(samples / batchSize) * replays;
  checkInteger('resumeFrom.epoch.index', epoch.index, { min: 0, max: epochs });
  checkInteger('resumeFrom.epoch.position', epoch.position, { min: 0, max: samples * replays });
  checkInteger('resumeFrom.epoch.correct', epoch.correct, { min: 0, max: epoch.position });
  for (const key of ['lossSum', 'seconds'] as const) checkNumber(`resumeFrom.epoch.${key}`, epoch[key]);
  const before = epoch.index * perEpoch;
  // All batches but an epoch's last are full, and each is over when all its replays are.
  const batches = Math.floor(epoch.position / (batchSize * replays));
  const size = Math.min(batchSize, samples - batches * batchSize);
  const expected =
    before + batches * replays + (size === 0 ? 0 : Math.ceil((epoch.position - batches * batchSize * replays) / size));
  checkInteger('resumeFrom.step', step, { min: expected, max: expected });
}

/** What the regime needs of the step before. */
function checkKept({ regime, batchSize }: FitSpec, { spec }: Network, { step, kept }: TrainState): void {
  const expected = traitsOf(regime).keeps && step > 0 ? shapeText([batchSize, ...spec.input]) : 'none';
  const found = kept === undefined ? 'none' : isObject(kept) ? shapeText(kept.shape) : describe(kept);
  if (found !== expected) throw new DataError(`resumeFrom.kept: expected a perturbation ${expected}, got ${found}`);
  if (kept === undefined) return;
  checkTensor('resumeFrom.kept', kept, 4);
  checkFinite('resumeFrom.kept', kept);
}
