/** Learning rates that change while a network trains: factors on the optimizer's. */
import { digits, halfCosine } from '../../base/elementary.js';
import {
  array,
  descriptor,
  family,
  integer,
  type Member,
  number,
  optional,
  tagged,
  variant,
} from '../../base/schema.js';

const factor = optional(number({ above: 0 }), 0.1);

interface Traits {
  /** The factor depends on how many epochs the whole run has. */
  spansRun: boolean;
}

const perEpoch: Traits = { spansRun: false };
const perRun: Traits = { spansRun: true };

const stepDescriptor = descriptor(tagged('step', { every: integer({ min: 1 }), factor }), perEpoch);
const multiStepDescriptor = descriptor(
  tagged('multiStep', { milestones: array(integer({ min: 1 })), factor }),
  perEpoch,
);
const cosineDescriptor = descriptor(tagged('cosine', {}), perRun);
const linearDescriptor = descriptor(tagged('linear', { to: number({ min: 0 }) }), perRun);
const oneCycleDescriptor = descriptor(
  tagged('oneCycle', {
    peak: optional(number({ above: 0 }), 1),
    warmUp: optional(number({ above: 0, below: 1 }), 0.3),
  }),
  perRun,
);

/** Schedules that can follow a warm-up. */
const plainDescriptors = family({
  cosine: cosineDescriptor,
  linear: linearDescriptor,
  multiStep: multiStepDescriptor,
  oneCycle: oneCycleDescriptor,
  step: stepDescriptor,
});

/** A factor on the optimizer's learning rate, from the first step on. */
export type PlainSchedule = Member<typeof plainDescriptors>;

const what = 'a schedule made by schedules.*';
const warmUpDescriptor = descriptor(
  // biome-ignore lint/suspicious/noThenProperty: it holds a description, and what is no function makes no promise
  tagged('warmUp', { epochs: integer({ min: 1 }), then: optional(variant(plainDescriptors, what)) }),
  perRun,
);

/** All schedules of learning rates by type: what they are, and which factor they give. */
export const learningRateDescriptors = family({ ...plainDescriptors, warmUp: warmUpDescriptor });

/** A factor on the optimizer's learning rate, after a warm-up or without one. */
export type LearningRateSchedule = Member<typeof learningRateDescriptors>;

export const learningRateSchema = variant(learningRateDescriptors, what);

/** Whether a schedule depends on how many epochs the whole run has. */
export function spansRun(schedule: LearningRateSchedule): boolean {
  if (schedule.type === 'warmUp') return schedule.then !== undefined && spansRun(schedule.then);
  return learningRateDescriptors[schedule.type].traits.spansRun;
}

/** A place in a run. */
export interface Place {
  /** Steps before this one. */
  step: number;
  /** Steps of an epoch. */
  perEpoch: number;
  /** Of the whole run. */
  epochs: number;
}

/** How far below its peak a cycle begins, and how far below its beginning it ends; as PyTorch has it. */
const rise = 25;
const fall = 1e4;

type Factor<Schedule> = (schedule: Schedule, place: Place) => number;

const factors: { [Type in LearningRateSchedule['type']]: Factor<Extract<LearningRateSchedule, { type: Type }>> } = {
  step: ({ factor, every }, { step, perEpoch }) => factor ** Math.floor(Math.floor(step / perEpoch) / every),
  multiStep: ({ factor, milestones }, { step, perEpoch }) =>
    factor ** milestones.filter((m) => step / perEpoch >= m).length,
  cosine: (_, { step, perEpoch, epochs }) => halfCosine(1, 0, step / perEpoch / epochs),
  linear: ({ to }, { step, perEpoch, epochs }) => digits(1 + ((to - 1) * step) / (perEpoch * epochs)),
  oneCycle: ({ peak, warmUp }, { step, perEpoch, epochs }) => {
    const last = perEpoch * epochs - 1;
    // Where the rise ends; a run so short that it has none begins to fall at once.
    const top = Math.max(warmUp * (last + 1) - 1, 0);
    if (step < top) return halfCosine(peak / rise, peak, step / top);
    return halfCosine(peak, peak / rise / fall, last > top ? (step - top) / (last - top) : 1);
  },
  warmUp: ({ epochs: warm, then }, { step, perEpoch, epochs }) => {
    const first = warm * perEpoch;
    if (step < first) return digits((step + 1) / first);
    return learningRateFactor(then, { step: step - first, perEpoch, epochs: epochs - warm });
  },
};

/** Factor on the learning rate of a step. */
export function learningRateFactor(schedule: LearningRateSchedule | undefined, place: Place): number {
  if (schedule === undefined) return 1;
  const factor = factors[schedule.type] as Factor<LearningRateSchedule>;
  return factor(schedule, place);
}
