/** A value that changes from epoch to epoch: gamma while a network learns. */
import { descriptor, family, integer, type Member, number, optional, tagged, variant } from '../../base/schema.js';

const share = number({ above: 0, max: 1 });

const annealDescriptor = descriptor(
  tagged('anneal', { from: share, to: share, by: number({ above: 0 }), every: optional(integer({ min: 1 }), 1) }),
  {},
);

/** Schedules of a value itself. */
export const annealDescriptors = family({ anneal: annealDescriptor });

/** A value by epoch that moves from one end to the other in equal steps. */
export type AnnealSchedule = Member<typeof annealDescriptors>;

export const annealSchema = variant(annealDescriptors, 'a schedule made by schedules.anneal');

/** Value of an annealed quantity in `epoch`, counted from 0. */
export function annealed({ from, to, by, every }: AnnealSchedule, epoch: number): number {
  const moved = by * Math.floor(epoch / every);
  // Twelve digits: 0.2 - 3 * 0.005 must be 0.185, for gamma is read as a decimal.
  const value = from > to ? Math.max(from - moved, to) : Math.min(from + moved, to);
  return Number(value.toPrecision(12));
}
