/** Puts the parts of an evaluation together: the evaluation once more, with every unit of work done. */

import type { AttackSpec } from '../attacks/table.js';
import { ConfigError, DataError } from '../base/errors.js';
import { parse } from '../base/schema.js';
import { ModelEvaluation } from './modelEvaluation.js';
import type { Plan } from './plan.js';
import { Progress } from './progress.js';
import type { ComparisonReport, RobustnessReport } from './report.js';
import { reportOf } from './robustness.js';
import { chunksOf } from './setting.js';
import { rangeOf, readShard, type ShardReport } from './shard.js';
import { plannedSchema } from './verify.js';

/** See `mergeReports` in index.ts. */
export async function mergeReports(parts: readonly unknown[]): Promise<RobustnessReport | ComparisonReport> {
  const all = await read(parts);
  const [{ models, norm, epsilons, labels, shape, provenance, several }] = all;
  const units = new Map(all.flatMap((part) => part.units));
  const begun = {
    date: all.map((part) => part.provenance.date).sort()[0],
    platform: provenance.versions.platform,
    threads: provenance.runtime.threads,
  };
  const plan: Plan = {
    epsilons,
    norm,
    preset: provenance.preset as Plan['preset'],
    attacks: parse(plannedSchema, provenance.attacks, 'parts[0].provenance.attacks', DataError).map((planned) => ({
      ...planned,
      attack: planned.attack as AttackSpec,
    })),
    samples: labels.length,
    seed: provenance.seed,
    maxQueries: provenance.maxQueries ?? undefined,
  };
  const journal = {
    begun,
    async unit<T>(name: string): Promise<T> {
      if (!units.has(name))
        throw new DataError(`mergeReports: expected '${name}' among the units of the parts, found none`);
      return units.get(name) as T;
    },
  };
  const chunks = all.flatMap(({ shard }) => {
    const [start, end] = rangeOf(shard, labels.length);
    return chunksOf(end - start, start);
  });
  const measured = [];
  for (const [m, { name, classes, parameters }] of models.entries()) {
    const data = { length: labels.length, shape };
    const progress = new Progress(1, undefined);
    const setting = { plan, data, labels, start: 0, chunks, journal, progress, signal: undefined, images: false };
    const subject = { key: String(m), name, classes, parameters };
    measured.push(await new ModelEvaluation(subject, setting).run());
  }
  const { sources, data, runtime } = provenance;
  const known = {
    names: models.map(({ name }) => name),
    identities: models.map(({ weights, description }) => ({ weights, description, ...runtime })),
    sources,
    data,
  };
  return reportOf(known, plan, labels, begun, measured, { several });
}

/** The parts in their order. @throws {ConfigError} unless they are all of one evaluation. */
async function read(parts: readonly unknown[]): Promise<ShardReport[]> {
  if (!Array.isArray(parts) || parts.length === 0) {
    throw new ConfigError('mergeReports: expected the parts of an evaluation, got none');
  }
  const all = await Promise.all(parts.map((part, p) => readShard(part, `parts[${p}]`)));
  const [first] = all;
  for (const [p, { fingerprint, shard }] of all.entries()) {
    if (fingerprint !== first.fingerprint || shard.count !== first.shard.count) {
      throw new ConfigError(
        `parts[${p}]: expected a part of the same evaluation as parts[0] (models, samples, options, version), got another`,
      );
    }
    const twin = all.findIndex((other) => other.shard.index === shard.index);
    if (twin < p) throw new ConfigError(`parts[${p}]: expected each part once, got shard ${shard.index} twice`);
  }
  const { count } = first.shard;
  const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !all.some(({ shard }) => shard.index === i));
  if (missing.length > 0) {
    throw new ConfigError(
      `mergeReports: expected ${count} parts, got ${all.length}: shards ${missing.join(', ')} are missing`,
    );
  }
  return all.sort((a, b) => a.shard.index - b.shard.index);
}
