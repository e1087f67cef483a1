/** What a distillation depends on, as plain data: the student, and how it is trained. */
import { type Input, integer, object, optional } from '../base/schema.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import { relu } from '../nn/layers.js';
import { withActivation } from '../nn/replaceActivation.js';
import { adam } from './optim.js';
import { optimizerSchema } from './optimizers/index.js';
import { fitSchema } from './spec.js';

const { batchSize, lr, regime, seed } = fitSchema.entries;

export const distillSchema = object({
  /** Of the student; by default that of the teacher with ReLU in place of k-WTA. */
  spec: optional(modelSchema),
  /** Passes over the data, >= 1; 10 by default. */
  epochs: optional(integer({ min: 1 }), 10),
  /** Samples of a step, >= 1; 64 by default. */
  batchSize,
  /** Adam with its defaults by default. */
  optimizer: optional(optimizerSchema, () => adam()),
  /** Factor on the optimizer's learning rate; constant by default. */
  lr,
  /** Natural by default. A student of an adversarially trained teacher is closer to it when it is trained likewise. */
  regime,
  /** Of the student's first values and of its training; 0 by default. */
  seed,
});

/** What may be written. */
export type DistillFields = Input<typeof distillSchema>;

/** A student that is like its teacher, but continuous: k-WTA gives way to ReLU. */
export function studentOf(teacher: ModelSpec): ModelSpec {
  return withActivation(teacher, 'kwta', relu()).spec;
}
