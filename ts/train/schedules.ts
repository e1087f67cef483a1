/** Values that change from epoch to epoch, as plain data: learning rates relative to the optimizer's, and gamma. */
import { construct, type Descriptor, type Options, type Output, type Schema } from '../base/schema.js';
import { type AnnealSchedule, type SpannedSchedule, annealDescriptors as values } from './schedules/anneal.js';
import {
  learningRateDescriptors as factors,
  type LearningRateSchedule,
  type PlainSchedule,
} from './schedules/learningRate.js';

/** Times `factor` after every `every` epochs. `factor` is 0.1 by default. @throws {ConfigError} */
export function step(options: Options<typeof factors.step>): PlainSchedule {
  return construct(factors.step, options, 'schedules.step');
}

/** Times `factor` (0.1 by default) at each of the `milestones`, epochs counted from 0. @throws {ConfigError} */
export function multiStep(options: Options<typeof factors.multiStep>): PlainSchedule {
  return construct(factors.multiStep, options, 'schedules.multiStep');
}

/**
 * For gamma: from `from` to `to`, both in (0, 1], along half a cosine, epoch by epoch; `epochs` says after how many it is
 * there, all of the run when left out. @throws {ConfigError}
 */
export function cosine(options: Options<typeof values.cosine>): SpannedSchedule;
/** For learning rates: falls to zero over the whole run along half a cosine, step by step (Loshchilov & Hutter 2017). */
export function cosine(): PlainSchedule;
export function cosine(options: Partial<Options<typeof values.cosine>> = {}): PlainSchedule | SpannedSchedule {
  return either(factors.cosine, values.cosine, options, 'schedules.cosine');
}

/** For gamma: from `from` to `to` in `epochs`, as `cosine` does, in equal steps. @throws {ConfigError} */
export function linear(options: Options<typeof values.linear>): SpannedSchedule;
/** For learning rates: from the optimizer's to `to` >= 0 times that, in equal steps over the whole run. @throws {ConfigError} */
export function linear(options: Options<typeof factors.linear>): PlainSchedule;
export function linear(
  options: Options<typeof factors.linear> | Options<typeof values.linear>,
): PlainSchedule | SpannedSchedule {
  return either(factors.linear, values.linear, options, 'schedules.linear');
}

/** A schedule of gamma when it is said where it begins, else one of learning rates. */
function either<Factor extends Schema, Value extends Schema>(
  factor: Descriptor<string, Factor>,
  value: Descriptor<string, Value>,
  options: object,
  argument: string,
): Output<Factor> | Output<Value> {
  const spanned = typeof options === 'object' && options !== null && 'from' in options;
  return spanned ? construct(value, options, argument) : construct(factor, options, argument);
}

/**
 * One cycle over the whole run (Smith & Topin 2018), as PyTorch's `OneCycleLR`: from a twenty-fifth of the peak to `peak`
 * times the optimizer's rate (1 by default) in the first `warmUp` of all steps (0.3 by default), then down to a 250,000th of
 * the peak, along half cosines. @throws {ConfigError}
 */
export function oneCycle(options: Options<typeof factors.oneCycle> = {}): PlainSchedule {
  return construct(factors.oneCycle, options, 'schedules.oneCycle');
}

/**
 * Rises to the optimizer's rate in equal steps during the first `epochs` >= 1; after them comes `then`, for which the run
 * begins there, or nothing changes any more. @throws {ConfigError}
 */
export function warmUp(options: Options<typeof factors.warmUp>): LearningRateSchedule {
  return construct(factors.warmUp, options, 'schedules.warmUp');
}

/**
 * From `from` to `to`, by `by` after every `every` epochs (1 by default): gamma in k-WTA training, which
 * converges badly when it starts small. @throws {ConfigError}
 */
export function anneal(options: Options<typeof values.anneal>): Extract<AnnealSchedule, { type: 'anneal' }> {
  return construct(values.anneal, options, 'schedules.anneal');
}
