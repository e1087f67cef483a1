/** What an evaluation of a model is given: the model, the samples and their units of work, and where results are kept. */
import type { Dataset } from '../data/dataset.js';
import type { Evaluable } from './evaluable.js';
import type { Journal } from './journal.js';
import type { Plan } from './plan.js';
import type { Progress } from './progress.js';

/** Samples of a unit of work. */
export const chunk = 256;

/** A model to evaluate. */
export interface Subject {
  /** Unique in a report; begins the names of its units of work. */
  key: string;
  /** Of several. */
  name?: string;
  classes: number;
  parameters: number;
  /** Left out where every unit of work has been done. */
  model?: Evaluable;
}

/** Samples in their order. */
export type Samples = Pick<Dataset, 'length' | 'shape' | 'labels' | 'tensor'>;

/** What all models of a report share. */
export interface Setting {
  plan: Plan;
  /** The samples, no more. */
  data: Pick<Samples, 'length' | 'shape'>;
  labels: readonly number[];
  /** Which of all samples the first of these is, and all of them; left out where every unit of work has been done. */
  start: number;
  all?: Samples;
  /** The numbers of the samples of each unit of work. */
  chunks: readonly (readonly number[])[];
  journal: Journal;
  progress: Progress;
  signal: AbortSignal | undefined;
  /** Whether adversarials are to be kept. */
  images: boolean;
}

/** The numbers of so many samples, in units of work. */
export function chunksOf(samples: number, start = 0): number[][] {
  return Array.from({ length: Math.ceil(samples / chunk) }, (_, c) =>
    Array.from({ length: Math.min(chunk, samples - c * chunk) }, (_, i) => start + c * chunk + i),
  );
}
