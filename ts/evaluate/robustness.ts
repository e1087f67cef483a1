/**
 * How robust models are: accuracy as they are and under attacks, on the same samples, with confidence intervals, worst
 * case, security curves, and findings that judge the evaluation itself.
 */
import { platform } from '#platform';
import { sourcesOf, traitsOf } from '../attacks/table.js';
import { ConfigError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import { version } from '../base/version.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import type { Variant } from '../kernels/variant.js';
import { encodeAdversarials } from './adversarials.js';
import { type Evaluable, type NamedModel, type ReportedModel, reportAttack, reportModel } from './evaluable.js';
import { judgeModel, judgePairs } from './findings/judge.js';
import { dataHash, sha256, textHash, weightsHash } from './hash.js';
import { type Begun, type Fingerprint, type Journal, noJournal, openJournal } from './journal.js';
import { type Measured, ModelEvaluation } from './modelEvaluation.js';
import { pairsOf } from './pairs.js';
import { type EvaluateOptions, type Plan, planOf } from './plan.js';
import { Progress } from './progress.js';
import {
  type ComparisonReport,
  type ModelReport,
  type Provenance,
  type RobustnessReport,
  reportVersion,
} from './report.js';
import { chunk, chunksOf, type Subject } from './setting.js';
import { fingerprintHash, rangeOf, type Shard, type ShardReport, sealed } from './shard.js';

/** See `evaluateRobustness` in index.ts. */
export async function evaluateRobustness(
  models: Evaluable | readonly NamedModel[],
  test: Dataset,
  options: EvaluateOptions,
): Promise<RobustnessReport | ComparisonReport | ShardReport> {
  const subjects = subjectsOf(models);
  checkDataset('test', test);
  const plan = planOf(options, test);
  if (options.shard !== undefined)
    return evaluateShard(subjects, test, plan, options, options.shard, Array.isArray(models));
  return evaluate(subjects, test, plan, options, Array.isArray(models));
}

/** A model, with its name if it is one of several. */
export interface NamedSubject {
  name?: string;
  model: Evaluable;
}

/** @throws {ConfigError} */
export function subjectsOf(models: Evaluable | readonly NamedModel[]): NamedSubject[] {
  if (!Array.isArray(models)) {
    checkModel('model', models);
    return [{ model: models as Evaluable }];
  }
  if (models.length === 0) throw new ConfigError('models: expected at least one { name, model }, got none');
  const list = models as readonly NamedModel[];
  for (const [i, entry] of list.entries()) {
    if (typeof entry?.name !== 'string' || entry.name === '') {
      throw new ConfigError(`models[${i}]: expected { name, model }, got ${describe(entry)}`);
    }
    checkModel(`models[${i}].model`, entry.model);
    const twin = list.findIndex(({ name }) => name === entry.name);
    if (twin < i) throw new ConfigError(`models[${i}].name: expected unique names, got '${entry.name}' twice`);
  }
  return list.map(({ name, model }) => ({ name, model }));
}

function checkModel(argument: string, model: unknown): void {
  if (typeof (model as Partial<Evaluable> | null)?.[reportAttack] !== 'function') {
    throw new ConfigError(`${argument}: expected a model of a runtime, got ${describe(model)}`);
  }
}

/** What is known of a model before it is asked anything. */
export interface Identity extends Pick<ReportedModel, 'variant' | 'threads'> {
  weights: string;
  description: string;
}

/** What an evaluation is to do beside its plan. */
export interface Around extends Pick<EvaluateOptions, 'resume' | 'signal' | 'onProgress'> {
  /** Where adversarials are written; with {@link nowhere} only their hash is known. */
  adversarials?: EvaluateOptions['adversarials'] | typeof nowhere;
}

/** Adversarials are made, and not kept. */
export const nowhere = Symbol('nowhere');

/** Runs a plan. */
export async function evaluate(
  subjects: readonly NamedSubject[],
  test: Dataset,
  plan: Plan,
  options: Around,
  several: boolean,
): Promise<RobustnessReport | ComparisonReport> {
  const { signal, onProgress } = options;
  const { data, known, journal } = await begin(subjects, test, plan, options);
  const labels = Array.from(data.labels);
  const progress = new Progress(subjects.length * unitsOf(plan, plan.samples), onProgress);
  const images = options.adversarials !== undefined;
  const samples = { data, labels, start: 0, all: data, chunks: chunksOf(data.length) };
  const measured: Measured[] = [];
  for (const subject of subjectsIn(subjects)) {
    const setting = { ...samples, plan, journal, progress, signal, images };
    measured.push(await new ModelEvaluation(subject, setting).run());
  }
  const adversarials =
    options.adversarials && (await writeAdversarials(options.adversarials, subjects, measured, data));
  return reportOf(known, plan, labels, journal.begun, measured, { several, adversarials });
}

/** What the models are called, and the names of their units of work. */
function subjectsIn(subjects: readonly NamedSubject[]): Subject[] {
  return subjects.map(({ name, model }, m) => {
    const { classes, parameters } = model;
    return { key: String(m), name, classes, parameters, model };
  });
}

/** Looks at models and samples before any work. */
async function begin(subjects: readonly NamedSubject[], test: Dataset, plan: Plan, options: Around, shard?: Shard) {
  options.signal?.throwIfAborted();
  const data = test.take(plan.samples);
  const identities = await Promise.all(subjects.map(({ model }) => identify(model)));
  const known: Known = {
    names: subjects.map(({ name }) => name),
    identities,
    sources: await sourcesIn(plan, subjects[0].model),
    data: { name: data.name, samples: data.length, hash: await dataHash(data) },
  };
  const fingerprint = fingerprintOf(known, plan, options, shard);
  const [{ threads }] = identities;
  const begun = { date: new Date().toISOString(), platform: platform.describe(), threads };
  const { resume } = options;
  const journal = resume === undefined ? noJournal(begun) : await openJournal(resume, fingerprint, begun);
  return { data, known, journal, fingerprint };
}

/** Does the work of one shard. */
async function evaluateShard(
  subjects: readonly NamedSubject[],
  test: Dataset,
  plan: Plan,
  options: Around,
  shard: Shard,
  several: boolean,
): Promise<ShardReport> {
  const { data: all, known, journal: kept, fingerprint } = await begin(subjects, test, plan, options, shard);
  const [start, end] = rangeOf(shard, plan.samples);
  const data = { length: end - start, shape: all.shape };
  const labels = Array.from(all.labels.subarray(start, end));
  const units: [string, unknown][] = [];
  const journal: Journal = {
    begun: kept.begun,
    async unit(name, make) {
      const value = await kept.unit(name, make);
      units.push([name, value]);
      return value;
    },
  };
  const progress = new Progress(subjects.length * unitsOf(plan, data.length), options.onProgress);
  const { signal } = options;
  const parts = subjectsIn(subjects);
  for (const subject of parts) {
    const setting = { plan, data, labels, start, all, chunks: chunksOf(data.length), journal, progress, signal };
    const evaluation = new ModelEvaluation(subject, { ...setting, images: false });
    await evaluation.measure();
    if (shard.index === 0) await evaluation.probe();
  }
  const models = parts.map(({ name, classes, parameters }, m) => {
    const { weights, description } = known.identities[m];
    return { ...(name === undefined ? {} : { name }), classes, parameters, weights, description };
  });
  const whole = { norm: plan.norm, epsilons: plan.epsilons, labels: Array.from(all.labels), shape: all.shape };
  const provenance = provenanceOf(known, plan, journal.begun, []);
  return sealed(
    { shard, several, ...whole, models, provenance, fingerprint: await fingerprintHash(fingerprint) },
    units,
  );
}

/** The report of what was measured, judged. */
export function reportOf(
  known: Known,
  plan: Plan,
  labels: number[],
  begun: Begun,
  measured: readonly Measured[],
  { several, adversarials }: { several: boolean; adversarials?: string },
): RobustnessReport | ComparisonReport {
  const models = measured.map(({ report }, m) => {
    const { weights, description } = known.identities[m];
    const own = { weights, description, ...report, findings: [] };
    return judgeModel(own, { labels, plan });
  });
  const head = {
    schema: reportVersion,
    norm: plan.norm,
    epsilons: plan.epsilons,
    labels,
    ...(adversarials === undefined ? {} : { adversarials }),
    provenance: provenanceOf(known, plan, begun, measured),
  };
  if (!several) return { ...head, ...models[0] };
  const named: ModelReport[] = models.map((model, m) => ({ name: known.names[m] as string, ...model }));
  const pairs = pairsOf(named, plan.epsilons);
  return { ...head, models: named, pairs, findings: judgePairs(pairs) };
}

async function identify(model: Evaluable): Promise<Identity> {
  const reported = await model[reportModel]();
  const [weights, description] = await Promise.all([
    weightsHash(reported.stateDict),
    textHash(JSON.stringify(reported.spec)),
  ]);
  const { variant, threads } = reported;
  return { variant, threads, weights, description };
}

/** Units of work of each model, but for its probes and its curve. */
function unitsOf({ attacks, epsilons }: Plan, samples: number): number {
  const runs = attacks.map(({ attack }) => (traitsOf(attack).family === 'minimal' ? 1 : epsilons.length));
  return runs.reduce((sum, each) => sum + each, 0) * Math.ceil(samples / chunk);
}

/** What is evaluated. */
export interface Known {
  /** Of the models, if there are several. */
  names: readonly (string | undefined)[];
  identities: readonly Identity[];
  sources: Provenance['sources'];
  data: Provenance['data'];
}

/** The models that attacks are made on, which live in the runtime of the model that is attacked. */
async function sourcesIn({ attacks }: Plan, model: Evaluable): Promise<Provenance['sources']> {
  const ids = new Set(attacks.flatMap(({ attack }) => sourcesOf(attack)));
  return Promise.all(
    [...ids].map(async (id) => ({ id, weights: await weightsHash((await model[reportModel](id)).stateDict) })),
  );
}

/** What must be the same for units of work to belong together. */
function fingerprintOf(
  { names, identities, sources, data }: Known,
  plan: Plan,
  { adversarials }: Around,
  shard: Shard | undefined,
): Fingerprint {
  const each = (value: (identity: Identity) => string): string => identities.map(value).join();
  const { epsilons, attacks, seed, maxQueries, preset } = plan;
  // Ids change from runtime to runtime.
  const weights = new Map(sources.map((source) => [source.id, source.weights]));
  const text = JSON.stringify(attacks, (key, value) => (key === 'source' ? weights.get(value) : value));
  return {
    version,
    bits: each(({ variant }) => bitsOf(variant)),
    names: names.map((name) => name ?? '').join(),
    weights: each((identity) => identity.weights),
    description: each(({ description }) => description),
    data: data.hash,
    epsilons: epsilons.join(),
    preset,
    attacks: text,
    seed,
    maxQueries: maxQueries ?? null,
    adversarials: adversarials === undefined ? 'no' : 'yes',
    ...(shard === undefined ? {} : { shard: `${shard.index}/${shard.count}` }),
  };
}

/** Builds of the kernels that give the same bits have the same name. */
export function bitsOf(variant: Variant): string {
  return variant === 'relaxed-threads' ? 'relaxed' : 'deterministic';
}

async function writeAdversarials(
  path: string | URL | typeof nowhere,
  subjects: readonly NamedSubject[],
  measured: readonly Measured[],
  { shape }: Dataset,
): Promise<string> {
  const models = measured.map(({ adversarials }, m) => ({ name: subjects[m].name, adversarials }));
  const bytes = encodeAdversarials(models, shape);
  if (path !== nowhere) await platform.writeFile(path, bytes);
  return sha256(bytes);
}

function provenanceOf(
  { identities, sources, data }: Known,
  { attacks, preset, seed, maxQueries }: Plan,
  begun: Begun,
  measured: readonly Measured[],
): Provenance {
  const seconds = measured.flatMap(({ report }) => [
    ...report.attacks.map((attack) => attack.seconds),
    report.curve?.seconds ?? 0,
  ]);
  return {
    versions: { kwta: version, platform: begun.platform },
    runtime: { variant: identities[0].variant, threads: begun.threads },
    data,
    preset,
    attacks: attacks.map(({ name, attack, scope }) => ({ name, scope, attack })),
    sources,
    seed,
    maxQueries: maxQueries ?? null,
    date: begun.date,
    seconds: seconds.reduce((sum, each) => sum + each, 0),
  };
}
