/**
 * A part of an evaluation: what was measured on some of the samples, as plain JSON. It holds the units of work and not what
 * follows from them, so that merging parts is the evaluation itself, with every unit at hand.
 */
import { norms } from '../attacks/core/norms.js';
import { checkInteger, checkKeys } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import {
  array,
  boolean,
  choice,
  integer,
  number,
  type Output,
  object,
  optional,
  parse,
  some,
  string,
  tuple,
  unknown,
} from '../base/schema.js';
import { describe } from '../base/tensor.js';
import { textHash } from './hash.js';
import type { Fingerprint } from './journal.js';
import { provenanceSchema, reportVersion } from './report.js';

/** One of `count` parts of the samples, which are cut in their order; the first has the index 0. */
export interface Shard {
  /** Which of them, from 0. */
  index: number;
  /** How many there are. */
  count: number;
}

/** @throws {ConfigError} */
export function checkShard(argument: string, shard: Shard, samples: number): void {
  if (typeof shard !== 'object' || shard === null) {
    throw new ConfigError(`${argument}: expected { index, count }, got ${describe(shard)}`);
  }
  checkKeys(argument, shard, ['index', 'count']);
  checkInteger(`${argument}.count`, shard.count, { min: 1, max: samples });
  checkInteger(`${argument}.index`, shard.index, { min: 0, max: shard.count - 1 });
}

/** The first of a shard's samples, and the one after its last. */
export function rangeOf({ index, count }: Shard, samples: number): [start: number, end: number] {
  return [Math.floor((index * samples) / count), Math.floor(((index + 1) * samples) / count)];
}

const whole = () => integer({ min: 0 }, 'a whole number', Number.MAX_SAFE_INTEGER);

const fields = {
  schema: integer({ min: reportVersion, max: reportVersion }),
  shard: object({ index: integer({ min: 0 }), count: integer({ min: 1 }) }),
  /** Whether the models were given as a list. */
  several: boolean(),
  norm: choice(norms),
  epsilons: some(number({ min: 0 })),
  /** Of all samples, as the shape and the provenance are. */
  labels: some(whole()),
  shape: tuple([integer({ min: 1 }), integer({ min: 1 }), integer({ min: 1 })], '[C, H, W]'),
  models: some(
    object({
      name: optional(string()),
      classes: integer({ min: 2 }),
      parameters: whole(),
      weights: string(),
      description: string(),
    }),
  ),
  provenance: provenanceSchema,
  /** SHA-256 of all that must be the same in every part. */
  fingerprint: string(),
  /** What was measured, by the names of the units of work. */
  units: array(tuple([string(), unknown()], '[name, value]')),
  /** SHA-256 of the units as JSON. */
  hash: string(),
};

export const shardReportSchema = object(fields, 'a part of a report');

/** What `evaluateRobustness` returns for a shard: to be merged, with the others, by `mergeReports`. */
export type ShardReport = Output<typeof shardReportSchema>;

/** The part with its checksum, in the form that it has as a file. */
export async function sealed(
  part: Omit<ShardReport, 'schema' | 'units' | 'hash'>,
  units: readonly [string, unknown][],
): Promise<ShardReport> {
  const json = JSON.stringify(units);
  return { schema: reportVersion, ...part, units: JSON.parse(json), hash: await textHash(json) };
}

/** Without what says which shard it is. */
export function fingerprintHash({ shard: _, ...fingerprint }: Fingerprint): Promise<string> {
  return textHash(JSON.stringify(fingerprint));
}

/** @throws {DataError} for something else, or a part that was changed. */
export async function readShard(value: unknown, argument: string): Promise<ShardReport> {
  const part = parse(shardReportSchema, value, argument, DataError);
  if ((await textHash(JSON.stringify(part.units))) !== part.hash) {
    throw new DataError(`${argument}.units: expected what the part was written with, found it changed`);
  }
  return part;
}
