/** All that a training run depends on, as plain data. */
import { boolean, integer, number, type Output, object, optional, refined, seed, some } from '../base/schema.js';
import { type AugmentSpec, augmentListSchema, mixes } from './augment/index.js';
import { optimizerSchema } from './optimizers/index.js';
import { type RegimeSpec, regimeSchema, traitsOf } from './regimes/index.js';
import { annealSchema } from './schedules/anneal.js';
import { learningRateSchema } from './schedules/learningRate.js';

export const fitSchema = refined(
  object({
    epochs: integer({ min: 1 }),
    batchSize: optional(integer({ min: 1 }), 64),
    optimizer: optimizerSchema,
    lr: optional(learningRateSchema),
    gamma: optional(annealSchema),
    estimateStatistics: optional(boolean()),
    regime: optional(regimeSchema, () => ({ type: 'natural' }) as const),
    augment: optional(augmentListSchema),
    labelSmoothing: optional(number({ min: 0, below: 1 })),
    classWeights: optional(some(number({ above: 0 }))),
    clipGradient: optional(number({ above: 0 })),
    ema: optional(object({ decay: number({ min: 0, below: 1 }) })),
    swa: optional(object({ from: integer({ min: 0 }) })),
    earlyStop: optional(object({ patience: integer({ min: 1 }) })),
    // Of the order of samples, of their augmentation and of adversarial starts.
    seed: seed(),
  }),
  problemOf,
);

export interface Related {
  epochs: number;
  gamma?: unknown;
  estimateStatistics?: boolean;
  ema?: unknown;
  swa?: { from: number };
  regime: RegimeSpec;
  augment?: AugmentSpec[];
}

/** What is wrong between fields. */
export function problemOf({
  epochs,
  gamma,
  estimateStatistics,
  ema,
  swa,
  regime,
  augment,
}: Related): string | undefined {
  if (ema !== undefined && swa !== undefined) return 'expected ema or swa, got both';
  if (swa !== undefined && swa.from >= epochs) return `expected swa.from below the ${epochs} epochs, got ${swa.from}`;
  if (estimateStatistics && gamma === undefined) return 'expected gamma with estimateStatistics, got none';
  if (augment?.some(mixes) && !traitsOf(regime).takesMixtures) {
    return `expected no mixture of samples with the regime '${regime.type}', whose attack has one class a sample`;
  }
  return undefined;
}

export type FitSpec = Output<typeof fitSchema>;
