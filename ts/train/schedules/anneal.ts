/** A value that changes from epoch to epoch: gamma while a network learns. */
import { digits, halfCosine } from '../../base/elementary.js';
import { descriptor, family, integer, type Member, number, optional, tagged, variant } from '../../base/schema.js';

const share = number({ above: 0, max: 1 });

const annealDescriptor = descriptor(
  tagged('anneal', { from: share, to: share, by: number({ above: 0 }), every: optional(integer({ min: 1 }), 1) }),
  {},
);
/** `epochs`: the first with the value `to`; that of the last epoch when left out. */
const span = { from: share, to: share, epochs: optional(integer({ min: 1 })) };
const linearDescriptor = descriptor(tagged('linear', span), {});
const cosineDescriptor = descriptor(tagged('cosine', span), {});

/** Schedules of a value itself. */
export const annealDescriptors = family({
  anneal: annealDescriptor,
  cosine: cosineDescriptor,
  linear: linearDescriptor,
});

/** A value by epoch that moves from one end to the other. */
export type AnnealSchedule = Member<typeof annealDescriptors>;

/** Where it does so along a line or half a cosine. */
export type SpannedSchedule = Extract<AnnealSchedule, { epochs?: number }>;

export const annealSchema = variant(annealDescriptors, 'a schedule made by schedules.anneal, linear or cosine');

/** Whether a schedule depends on how many epochs the whole run has. */
export function annealSpansRun(schedule: AnnealSchedule): boolean {
  return schedule.type !== 'anneal' && schedule.epochs === undefined;
}

/** Value of an annealed quantity in `epoch`, counted from 0, of a run of `epochs`. */
export function annealed(schedule: AnnealSchedule, epoch: number, epochs: number): number {
  const { from, to } = schedule;
  if (schedule.type === 'anneal') {
    const moved = schedule.by * Math.floor(epoch / schedule.every);
    return digits(from > to ? Math.max(from - moved, to) : Math.min(from + moved, to));
  }
  const last = (schedule.epochs ?? epochs) - 1;
  const part = epoch >= last ? 1 : epoch / last;
  return schedule.type === 'linear' ? digits(from + (to - from) * part) : halfCosine(from, to, part);
}
