/** All that a training run depends on, as plain data. */
import { integer, type Output, object, optional, seed } from '../base/schema.js';
import { optimizerSchema } from './optimizers/index.js';
import { regimeSchema } from './regimes/index.js';
import { annealSchema } from './schedules/anneal.js';
import { learningRateSchema } from './schedules/learningRate.js';

export const fitSchema = object({
  epochs: integer({ min: 1 }),
  batchSize: optional(integer({ min: 1 }), 64),
  optimizer: optimizerSchema,
  lr: optional(learningRateSchema),
  gamma: optional(annealSchema),
  regime: optional(regimeSchema, () => ({ type: 'natural' }) as const),
  // Of the order of samples and of adversarial starts.
  seed: seed(),
});

export type FitSpec = Output<typeof fitSchema>;
