/** A whole training run as plain data: which images, which model, and how it is trained. What `kwta train` reads and keeps. */
import {
  boolean,
  choice,
  descriptor,
  examine,
  family,
  integer,
  number,
  type Output,
  object,
  optional,
  refined,
  string,
  tagged,
  variant,
} from '../base/schema.js';
import { type ModelSpec, modelInput, sequentialDescriptor } from '../graph/containers.js';
import { type Images, zooDescriptors, zooModel } from '../nn/models/zoo.js';
import { checkpointFields } from './checkpoint.js';
import { type FitSpec, fitSchema, problemOf } from './spec.js';

/** A model of the zoo by its name, or a description of its own. */
const modelDescriptors = family({
  ...zooDescriptors,
  sequential: descriptor(tagged('sequential', { ...sequentialDescriptor.schema.entries, input: modelInput }), {}),
});

const count = integer({ min: 1 });

export const trainSchema = refined(
  object({
    // A folder of images, of which the first so many are trained on.
    data: string(),
    trainSamples: optional(count),
    // A share of these is held out; the test images are asked about once, in the end.
    validation: optional(number({ above: 0, below: 1 })),
    test: optional(boolean(), true),
    model: variant(modelDescriptors, 'a ready-made model by its name, or layers as nn.sequential gives them'),
    ...fitSchema.entries,
    checkpoint: optional(checkpointFields, () => ({})),
    // Which weights are the result.
    final: optional(choice(['last', 'best']), 'last'),
    threads: optional(count),
    deterministic: optional(boolean(), false),
    recompute: optional(boolean(), false),
    run: optional(string()),
    out: optional(string()),
  }),
  (config) => problemOf(config) ?? unvalidated(config),
);

export type TrainConfig = Output<typeof trainSchema>;

function unvalidated({ validation, earlyStop, final, checkpoint }: ValidationFields): string | undefined {
  if (validation !== undefined) return undefined;
  const needs = [
    earlyStop !== undefined && 'earlyStop',
    checkpoint.best === true && 'checkpoint.best',
    final === 'best' && "final: 'best'",
  ].filter((text) => text !== false);
  return needs.length === 0 ? undefined : `expected validation with ${needs.join(', ')}, got none`;
}

interface ValidationFields {
  validation?: number;
  earlyStop?: unknown;
  final: string;
  checkpoint: { best?: boolean };
}

/** The config with all defaults in it, or all that is wrong. */
export function examineConfig(value: unknown): ReturnType<typeof examine<typeof trainSchema>> {
  const result = examine(trainSchema, value);
  if ('problems' in result) return result;
  const { output } = result;
  const best = output.checkpoint.best ?? output.validation !== undefined;
  return { output: { ...output, checkpoint: { ...output.checkpoint, best } } };
}

/** The model's description. @throws {ConfigError} */
export function modelOfConfig({ model }: Pick<TrainConfig, 'model'>, images: Images): ModelSpec {
  return model.type === 'sequential' ? model : zooModel(model, images);
}

/** What `fit` takes of it. */
export function fitOptionsOf(config: TrainConfig): FitSpec {
  const keys = new Set(Object.keys(fitSchema.entries));
  return Object.fromEntries(Object.entries(config).filter(([key]) => keys.has(key))) as FitSpec;
}

/** Options on which the results do not depend, or that a run may have other ones of when it goes on. */
const free: ReadonlySet<string> = new Set([
  'data',
  'epochs',
  'checkpoint',
  'final',
  'threads',
  'recompute',
  'run',
  'out',
  'test',
]);

/** Where two runs would differ: `lr.type`, and both values. */
export function differences(
  now: unknown,
  before: unknown,
  path: readonly string[] = [],
): { path: string; now: unknown; before: unknown }[] {
  if (path.length === 1 && free.has(path[0])) return [];
  // Another member of a family has other options.
  if (!isObject(now) || !isObject(before) || now.type !== before.type) {
    if (JSON.stringify(now) === JSON.stringify(before)) return [];
    return [{ path: path.join('.'), now, before }];
  }
  const keys = [...new Set([...Object.keys(before), ...Object.keys(now)])];
  return keys.flatMap((key) => differences(now[key], before[key], [...path, key]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
