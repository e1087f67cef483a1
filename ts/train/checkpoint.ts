/** Training states as files: `ts/io/checkpoint.ts` says how, this says what goes where, and when one is due. */
import { DataError } from '../base/errors.js';
import {
  array,
  boolean,
  completed,
  integer,
  loose,
  nullable,
  type Output,
  object,
  optional,
  parse,
  refined,
  type Schema,
} from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { decodeModel, encodeModel, type ModelFile } from '../io/checkpoint.js';
import type { FitEvent } from './fit.js';
import type { TrainState } from './state.js';

/** When a run is written, and how many of its states are kept. */
const fields = {
  everyEpochs: optional(integer({ min: 1 })),
  everySteps: optional(integer({ min: 1 })),
  keep: optional(integer({ min: 1 }), 1),
  best: optional(boolean(), false),
};

function timesOf<S extends Schema<unknown, { everyEpochs?: number; everySteps?: number }>>(schema: S) {
  return refined(schema, ({ everyEpochs, everySteps }) =>
    everyEpochs === undefined || everySteps === undefined
      ? undefined
      : `expected everyEpochs or everySteps, got ${everyEpochs} and ${everySteps}`,
  );
}

/** The same as it is written; whether there is a best one depends on what else there is. */
export const checkpointFields = timesOf(object({ ...fields, best: optional(boolean()) }));

export const checkpointSchema = completed(timesOf(object(fields)), ({ everyEpochs, everySteps, ...rest }) => ({
  ...rest,
  unit: everySteps === undefined ? ('epoch' as const) : ('batch' as const),
  every: everySteps ?? everyEpochs ?? 1,
}));

export type CheckpointTimes = Omit<Output<typeof checkpointSchema>, 'keep'>;

/** Whether a run is to be written after `event`. */
export function isDue({ unit, every }: CheckpointTimes, event: FitEvent): boolean {
  const count = event.type === 'epoch' ? event.epoch + 1 : event.step;
  return event.type === unit && count % every === 0;
}

/** A checkpoint as it was read. */
export interface Checkpoint {
  state: TrainState;
  /** Steps of the older checkpoints that lie beside it. */
  older: number[];
}

/** What is put together with tensors here; the rest is checked where a run goes on. */
const stateSchema = loose({
  optimizer: object({ steps: integer({ min: 0 }) }),
  average: nullable(object({ count: integer({ min: 1 }) })),
  older: array(integer({ min: 0 })),
});

/** Begins the group of an optimizer's moment. */
const moment = 'moment';
/** The group of the weights that training goes on with, when others stand for them. */
const weights = 'weights';
/** The group, and the only name in it, of what a regime hands on from step to step. */
const kept = 'kept';

/** The file of a state: its model is the one that was validated. @throws {DivergedError} naming a parameter that is not finite. */
export function encodeCheckpoint(state: TrainState, older: readonly number[]): Uint8Array {
  const { model, stateDict, optimizer, average, kept: handed, ...rest } = state;
  const groups = Object.fromEntries(optimizer.moments.map((values, i) => [`${moment}${i}`, values]));
  if (average !== null) groups[weights] = stateDict;
  if (handed !== undefined) groups[kept] = { [kept]: handed };
  const run = { ...rest, optimizer: { steps: optimizer.steps }, average: average && { count: average.count }, older };
  return encodeModel(model, average?.values ?? stateDict, { training: { state: run, groups } });
}

/**
 * The state in a file. Its parts are checked where the run goes on.
 *
 * @throws {DataError} when the file is damaged, or holds no training run.
 */
export function decodeCheckpoint(file: string, bytes: Uint8Array): Checkpoint {
  return checkpointOf(file, decodeModel(file, bytes));
}

/** The same as {@link decodeCheckpoint} of a file that was read. @throws {DataError} when it holds no training run. */
export function checkpointOf(file: string, { spec, stateDict, training }: ModelFile): Checkpoint {
  if (training === undefined)
    throw new DataError(`${file}: expected a checkpoint of a training run, got a model alone`);
  const { state, groups } = training;
  const { optimizer, average, older, ...rest } = parse(stateSchema, state, `${file}: training`, DataError);
  const moments: Record<string, Tensor>[] = [];
  for (let values = groups[`${moment}0`]; values !== undefined; values = groups[`${moment}${moments.length}`]) {
    moments.push(values);
  }
  const given = {
    ...(rest as Omit<TrainState, 'model' | 'stateDict' | 'optimizer' | 'average' | 'kept'>),
    ...(groups[kept]?.[kept] && { kept: groups[kept][kept] }),
    model: spec,
    optimizer: { ...optimizer, moments },
  };
  if (average === null) return { state: { ...given, average, stateDict }, older };
  const own = groups[weights];
  if (own === undefined) throw new DataError(`${file}: expected the weights beside their average, got none`);
  return { state: { ...given, average: { ...average, values: stateDict }, stateDict: own }, older };
}
