/** Values that change from epoch to epoch, as plain data: learning rates relative to the optimizer's, and gamma. */
import { construct, type Options } from '../base/schema.js';
import { type AnnealSchedule, annealDescriptors } from './schedules/anneal.js';
import { learningRateDescriptors as factors, type LearningRateSchedule } from './schedules/learningRate.js';

/** Times `factor` after every `every` epochs. `factor` is 0.1 by default. @throws {ConfigError} */
export function step(options: Options<typeof factors.step>): LearningRateSchedule {
  return construct(factors.step, options, 'schedules.step');
}

/** Times `factor` (0.1 by default) at each of the `milestones`, epochs counted from 0. @throws {ConfigError} */
export function multiStep(options: Options<typeof factors.multiStep>): LearningRateSchedule {
  return construct(factors.multiStep, options, 'schedules.multiStep');
}

/** Falls to zero over the whole run along half a cosine, step by step (Loshchilov & Hutter 2017). */
export function cosine(): LearningRateSchedule {
  return { type: 'cosine' };
}

/**
 * From `from` to `to`, by `by` after every `every` epochs (1 by default): gamma in k-WTA training, which
 * converges badly when it starts small. @throws {ConfigError}
 */
export function anneal(options: Options<typeof annealDescriptors.anneal>): AnnealSchedule {
  return construct(annealDescriptors.anneal, options, 'schedules.anneal');
}
