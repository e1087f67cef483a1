/** Values that change from epoch to epoch, as plain data: learning rates relative to the optimizer's, and gamma. */
import { checkInteger, checkKeys, checkNumber } from '../base/check.js';

/** A factor on the optimizer's learning rate, by epoch. */
export type LearningRateSchedule =
  | { type: 'step'; every: number; factor: number }
  | { type: 'multiStep'; milestones: number[]; factor: number }
  | { type: 'cosine' };

/** A value by epoch that moves from one end to the other in equal steps. */
export interface AnnealSchedule {
  type: 'anneal';
  from: number;
  to: number;
  by: number;
  every: number;
}

/** Times `factor` after every `every` epochs. `factor` is 0.1 by default. @throws {ConfigError} */
export function step(options: { every: number; factor?: number }): LearningRateSchedule {
  checkKeys('schedules.step', options, ['every', 'factor']);
  const { every, factor = 0.1 } = options;
  checkInteger('schedules.step.every', every, { min: 1 });
  checkNumber('schedules.step.factor', factor, { above: 0 });
  return { type: 'step', every, factor };
}

/** Times `factor` (0.1 by default) at each of the `milestones`, epochs counted from 0. @throws {ConfigError} */
export function multiStep(options: { milestones: number[]; factor?: number }): LearningRateSchedule {
  checkKeys('schedules.multiStep', options, ['milestones', 'factor']);
  const { milestones, factor = 0.1 } = options;
  for (const milestone of milestones) checkInteger('schedules.multiStep.milestones', milestone, { min: 1 });
  checkNumber('schedules.multiStep.factor', factor, { above: 0 });
  return { type: 'multiStep', milestones, factor };
}

/** Falls to zero over the whole run along half a cosine, step by step (Loshchilov & Hutter 2017). */
export function cosine(): LearningRateSchedule {
  return { type: 'cosine' };
}

/**
 * From `from` to `to`, by `by` after every `every` epochs (1 by default): gamma in k-WTA training, which
 * converges badly when it starts small. @throws {ConfigError}
 */
export function anneal(options: { from: number; to: number; by: number; every?: number }): AnnealSchedule {
  checkKeys('schedules.anneal', options, ['from', 'to', 'by', 'every']);
  const { from, to, by, every = 1 } = options;
  checkNumber('schedules.anneal.from', from, { above: 0, max: 1 });
  checkNumber('schedules.anneal.to', to, { above: 0, max: 1 });
  checkNumber('schedules.anneal.by', by, { above: 0 });
  checkInteger('schedules.anneal.every', every, { min: 1 });
  return { type: 'anneal', from, to, by, every };
}

/** Factor on the learning rate; `progress` is in epochs and fractions of one. */
export function learningRateFactor(
  schedule: LearningRateSchedule | undefined,
  progress: number,
  epochs: number,
): number {
  switch (schedule?.type) {
    case undefined:
      return 1;
    case 'step':
      return schedule.factor ** Math.floor(Math.floor(progress) / schedule.every);
    case 'multiStep':
      return schedule.factor ** schedule.milestones.filter((milestone) => progress >= milestone).length;
    case 'cosine':
      // Twelve digits: engines differ in the last bits of a cosine, and the same seed must give the same weights.
      return Number((0.5 * (1 + Math.cos((Math.PI * progress) / epochs))).toPrecision(12));
  }
}

/** Value of an annealed quantity in `epoch`, counted from 0. */
export function annealed({ from, to, by, every }: AnnealSchedule, epoch: number): number {
  const moved = by * Math.floor(epoch / every);
  // Twelve digits: 0.2 - 3 * 0.005 must be 0.185, for gamma is read as a decimal.
  const value = from > to ? Math.max(from - moved, to) : Math.min(from + moved, to);
  return Number(value.toPrecision(12));
}
