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
  spec: optional(modelSchema),
  epochs: optional(integer({ min: 1 }), 10),
  batchSize,
  optimizer: optional(optimizerSchema, () => adam()),
  lr,
  regime,
  seed,
});

/** What may be written. */
export type DistillFields = Input<typeof distillSchema>;

/** A student that is like its teacher, but continuous: k-WTA gives way to ReLU. */
export function studentOf(teacher: ModelSpec): ModelSpec {
  return withActivation(teacher, 'kwta', relu()).spec;
}
