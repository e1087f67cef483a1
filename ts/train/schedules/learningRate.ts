/** Learning rates that change from epoch to epoch: factors on the optimizer's. */
import { cosineFall } from '../../base/elementary.js';
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

const stepDescriptor = descriptor(tagged('step', { every: integer({ min: 1 }), factor }), perEpoch);
const multiStepDescriptor = descriptor(
  tagged('multiStep', { milestones: array(integer({ min: 1 })), factor }),
  perEpoch,
);
const cosineDescriptor = descriptor(tagged('cosine', {}), { spansRun: true });

/** All schedules of learning rates by type: what they are, and which factor they give. */
export const learningRateDescriptors = family({
  cosine: cosineDescriptor,
  multiStep: multiStepDescriptor,
  step: stepDescriptor,
});

/** A factor on the optimizer's learning rate, by epoch. */
export type LearningRateSchedule = Member<typeof learningRateDescriptors>;

export const learningRateSchema = variant(learningRateDescriptors, 'a schedule made by schedules.*');

/** What is true of a schedule. */
export function traitsOf(schedule: LearningRateSchedule): Traits {
  return learningRateDescriptors[schedule.type].traits;
}

type Factor<Schedule> = (schedule: Schedule, progress: number, epochs: number) => number;

const factors: { [Type in LearningRateSchedule['type']]: Factor<Extract<LearningRateSchedule, { type: Type }>> } = {
  step: ({ factor, every }, progress) => factor ** Math.floor(Math.floor(progress) / every),
  multiStep: ({ factor, milestones }, progress) => factor ** milestones.filter((m) => progress >= m).length,
  cosine: (_, progress, epochs) => cosineFall(progress, epochs),
};

/** Factor on the learning rate; `progress` is in epochs and fractions of one. */
export function learningRateFactor(
  schedule: LearningRateSchedule | undefined,
  progress: number,
  epochs: number,
): number {
  if (schedule === undefined) return 1;
  const factor = factors[schedule.type] as Factor<LearningRateSchedule>;
  return factor(schedule, progress, epochs);
}
