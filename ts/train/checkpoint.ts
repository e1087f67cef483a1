/** Training states as files: `ts/io/checkpoint.ts` says how, this says what goes where, and when one is due. */
import { DataError } from '../base/errors.js';
import { boolean, completed, integer, type Output, object, optional, refined } from '../base/schema.js';
import { describe, type Tensor } from '../base/tensor.js';
import { decodeModel, encodeModel } from '../io/checkpoint.js';
import type { FitEvent } from './fit.js';
import { isObject, type TrainState } from './state.js';

/** When a run is written, and how many of its states are kept. */
export const checkpointSchema = completed(
  refined(
    object({
      everyEpochs: optional(integer({ min: 1 })),
      everySteps: optional(integer({ min: 1 })),
      keep: optional(integer({ min: 1 }), 1),
      best: optional(boolean(), false),
    }),
    ({ everyEpochs, everySteps }) =>
      everyEpochs === undefined || everySteps === undefined
        ? undefined
        : `expected everyEpochs or everySteps, got ${everyEpochs} and ${everySteps}`,
  ),
  ({ everyEpochs, everySteps, ...rest }) => ({
    ...rest,
    unit: everySteps === undefined ? ('epoch' as const) : ('batch' as const),
    every: everySteps ?? everyEpochs ?? 1,
  }),
);

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

/** Begins the group of an optimizer's moment. */
const moment = 'moment';

/** The file of a state. @throws {DivergedError} naming a parameter that is not finite. */
export function encodeCheckpoint(state: TrainState, older: readonly number[]): Uint8Array {
  const { model, stateDict, optimizer, ...rest } = state;
  const groups = Object.fromEntries(optimizer.moments.map((values, i) => [`${moment}${i}`, values]));
  return encodeModel(model, stateDict, {
    state: { ...rest, optimizer: { steps: optimizer.steps }, older },
    groups,
  });
}

/**
 * The state in a file. Its parts are checked where the run goes on.
 *
 * @throws {DataError} when the file is damaged, or holds no training run.
 */
export function decodeCheckpoint(file: string, bytes: Uint8Array): Checkpoint {
  const { spec, stateDict, training } = decodeModel(file, bytes);
  if (training === undefined)
    throw new DataError(`${file}: expected a checkpoint of a training run, got a model alone`);
  const { state, groups } = training;
  if (!isObject(state)) throw new DataError(`${file}: training: expected an object, got ${describe(state)}`);
  const { optimizer, older, ...rest } = state as Omit<TrainState, 'model' | 'stateDict'> & { older: unknown };
  if (!isObject(optimizer)) throw new DataError(`${file}: optimizer: expected an object, got ${describe(optimizer)}`);
  if (!Array.isArray(older) || !older.every(Number.isSafeInteger)) {
    throw new DataError(`${file}: older: expected a list of steps, got ${describe(older)}`);
  }
  const moments: Record<string, Tensor>[] = [];
  for (let values = groups[`${moment}0`]; values !== undefined; values = groups[`${moment}${moments.length}`]) {
    moments.push(values);
  }
  return { state: { ...rest, model: spec, stateDict, optimizer: { ...optimizer, moments } }, older };
}
