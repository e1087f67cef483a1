/** What a sweep file says: options of `kwta train` and of an evaluation, and which values of them are tried. */
import { norms } from '../attacks/core/norms.js';
import { attackSchema } from '../attacks/table.js';
import {
  boolean,
  choice,
  descriptor,
  examine,
  family,
  integer,
  type Member,
  number,
  type Output,
  object,
  optional,
  record,
  refined,
  some,
  string,
  tagged,
  union,
  unknown,
  variant,
} from '../base/schema.js';
import { type Preset, presets } from '../evaluate/presets.js';

const count = integer({ min: 1 });

const named = object(
  { name: string(), attack: attackSchema, scope: optional(choice(['all', 'left'])) },
  'an attack with its name',
);

/** The options of an evaluation; those of `evaluateRobustness`, and the images. */
const evaluateSchema = object({
  // The training's folder when left out.
  data: optional(string()),
  split: optional(choice(['test', 'train']), 'test'),
  samples: optional(count),
  epsilons: some(number({ min: 0 })),
  norm: optional(choice(norms)),
  attacks: optional(
    union(
      [choice(Object.keys(presets) as Preset[]), some(union([named, attackSchema], 'an attack, or { name, attack }'))],
      'a preset or a list of attacks',
    ),
    'standard',
  ),
  seed: optional(integer({ min: 0 }), 0),
  maxQueries: optional(count),
});

/** An evaluation of a trained model. */
export type EvaluateConfig = Output<typeof evaluateSchema>;

/** Numbers between two bounds, for a search that draws. */
const rangeSchema = refined(
  object(
    {
      low: number(),
      high: number(),
      /** Whole steps from `low`. */
      step: optional(number({ above: 0 })),
      /** Drawn by its logarithm. */
      log: optional(boolean(), false),
    },
    'a range { low, high }',
  ),
  ({ low, high, step, log }) => {
    if (low >= high) return `expected low < high, got ${low} and ${high}`;
    if (!log) return undefined;
    return low <= 0 || step !== undefined ? 'expected low > 0 and no step with log' : undefined;
  },
);

export type Range = Output<typeof rangeSchema>;

/** What is tried of each option, by its place: `train.optimizer.lr`. */
const overSchema = record(union([some(unknown()), rangeSchema], 'a list of values, or a range { low, high }'));

/** How what is tried is chosen. */
const searches = family({
  /** Every combination. */
  grid: descriptor(tagged('grid', {}), {}),
  /** So many that are drawn, each option by itself. */
  random: descriptor(tagged('random', { trials: count, seed: optional(integer({ min: 0 }), 0) }), {}),
  /** Likewise; all are trained for the first of these epochs, the best in `factor` for the next, and so on. */
  halving: descriptor(
    tagged('halving', {
      trials: count,
      epochs: refined(some(count), (list) =>
        list.every((value, i) => i === 0 || value > list[i - 1])
          ? undefined
          : `expected ascending numbers, got ${list}`,
      ),
      factor: optional(integer({ min: 2 }), 3),
      seed: optional(integer({ min: 0 }), 0),
    }),
    {},
  ),
});

export type Search = Member<typeof searches>;

const sweepSchema = refined(
  object({
    name: string(),
    // Of all that the sweep writes; the name with .sweep at its end when left out.
    folder: optional(string()),
    search: optional(variant(searches, 'a search'), () => ({ type: 'grid' as const })),
    over: overSchema,
    // One trial for each; how many from 0, or which.
    seeds: optional(union([count, some(integer({ min: 0 }))], 'how many seeds, or a list of them'), 1),
    // A config of kwta train, without what is tried.
    train: record(unknown(), 'a config of kwta train'),
    evaluate: optional(record(unknown(), 'options of an evaluation')),
    // What the best has most of: test, validation, clean, worstCase@0.1, pgd@0.1.
    objective: optional(string()),
  }),
  ({ search, over }) => {
    if (search.type !== 'grid') return undefined;
    const range = Object.keys(over).find((key) => !Array.isArray(over[key]));
    return range === undefined ? undefined : `expected lists of values for a grid, got a range for ${range}`;
  },
  'over',
);

export type SweepConfig = Output<typeof sweepSchema>;

/** The config with all defaults in it, or all that is wrong. */
export function examineSweep(value: unknown): ReturnType<typeof examine<typeof sweepSchema>> {
  return examine(sweepSchema, value);
}

/** Likewise, of the options of an evaluation. */
export function examineEvaluation(value: unknown): ReturnType<typeof examine<typeof evaluateSchema>> {
  return examine(evaluateSchema, value);
}
