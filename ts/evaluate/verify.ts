/**
 * Checks a report: its form, that its figures follow from what was measured, that what was measured is measured again, and
 * the adversarials that were kept beside it.
 */
import { type AttackSpec, attackSchema, normOf } from '../attacks/table.js';
import { checkKeys } from '../base/check.js';
import { ConfigError, DataError, KwtaError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { array, choice, object, parse, type Schema, string } from '../base/schema.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { classesOf } from './asking.js';
import { checkAdversarials } from './checkAdversarials.js';
import { type Evaluable, type NamedModel, reportModel } from './evaluable.js';
import { dataHash, textHash, weightsHash } from './hash.js';
import type { EvaluationProgress, Plan, PlannedAttack } from './plan.js';
import { presets } from './presets.js';
import { differences, recomputed } from './recompute.js';
import {
  type ComparisonReport,
  comparisonReportSchema,
  type ModelReport,
  type RobustnessReport,
  robustnessReportSchema,
} from './report.js';
import { bitsOf, evaluate, type NamedSubject, nowhere, subjectsOf } from './robustness.js';

/** Options of {@link verifyReport}. */
export interface VerifyOptions {
  /** The file that `evaluateRobustness` wrote beside the report, if it is to be checked, too. */
  adversarials?: string | URL;
  /** Stops the call, which then throws the reason of the signal. */
  signal?: AbortSignal;
  /** As in `evaluateRobustness`. */
  onProgress?: (progress: EvaluationProgress) => unknown;
}

/** What became of a verification. */
export interface Verification {
  /** Everything was checked, and holds. */
  verified: boolean;
  /** Every line that does not hold, by its path (`attacks[2].predictions[17]: ...`); also what could not be checked. */
  problems: string[];
}

/** See `verifyReport` in index.ts. */
export async function verifyReport(
  report: unknown,
  models: Evaluable | readonly NamedModel[],
  test: Dataset,
  options: VerifyOptions = {},
): Promise<Verification> {
  const subjects = subjectsOf(models);
  checkDataset('test', test);
  checkKeys('verifyReport', options, ['adversarials', 'signal', 'onProgress']);
  const { adversarials } = options;
  if (adversarials !== undefined) checkPath('verifyReport.adversarials', adversarials);
  const problems: string[] = [];
  const claimed = formOf(report, Array.isArray(models), problems);
  if (claimed !== undefined) {
    const again = await repeat(claimed, subjects, test, options, problems);
    if (again !== undefined) problems.push(...differences(claimed, again));
    else problems.push(...differences(claimed, await withAnswers(recomputed(claimed), subjects, test, options.signal)));
    if (adversarials !== undefined) {
      problems.push(...(await checkAdversarials(claimed, adversarials, subjects, test, options.signal)));
    } else if (claimed.adversarials !== undefined) {
      problems.push('adversarials: the report was written with a file of adversarials, which was not given');
    }
  }
  return { verified: problems.length === 0, problems };
}

/** The report, if it has the form of one. */
function formOf(
  report: unknown,
  several: boolean,
  problems: string[],
): RobustnessReport | ComparisonReport | undefined {
  const schema: Schema<unknown, RobustnessReport | ComparisonReport> = several
    ? comparisonReportSchema
    : robustnessReportSchema;
  try {
    return parse(schema, report, 'report');
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.message.split(/; (?=report)/).map((problem) => problem.replace(/^report[.:]? ?/, '')));
    return undefined;
  }
}

/** The same evaluation again, if it can be done to the same bits. */
async function repeat(
  claimed: RobustnessReport | ComparisonReport,
  subjects: readonly NamedSubject[],
  test: Dataset,
  { signal, onProgress }: VerifyOptions,
  problems: string[],
): Promise<RobustnessReport | ComparisonReport | undefined> {
  const { runtime } = claimed.provenance;
  const [{ variant }] = await Promise.all(subjects.map(({ model }) => model[reportModel]()));
  if (bitsOf(variant) !== bitsOf(runtime.variant)) {
    problems.push(
      `provenance.runtime.variant: the attacks were not run again: '${runtime.variant}' was used, which '${variant}' ` +
        'does not equal in every bit',
    );
    return undefined;
  }
  const models = 'models' in claimed ? claimed.models : [claimed];
  if (models.some(answersAtRandom)) {
    problems.push(
      'probes.repeated: the attacks were not run again: a model that answers at random never does so alike',
    );
    return undefined;
  }
  try {
    const plan = await planFrom(claimed, subjects, test);
    const adversarials = claimed.adversarials === undefined ? undefined : nowhere;
    const again = await evaluate(subjects, test, plan, { signal, onProgress, adversarials }, 'models' in claimed);
    return namedAlike(claimed, again);
  } catch (error) {
    if (!(error instanceof KwtaError)) throw error;
    problems.push(`the attacks were not run again: ${error.message}`);
    return undefined;
  }
}

function answersAtRandom({ probes }: Pick<ModelReport, 'probes'>): boolean {
  return probes.repeated.differing > 0;
}

/** The report with what can be said of models and samples without an attack. */
async function withAnswers(
  report: RobustnessReport | ComparisonReport,
  subjects: readonly NamedSubject[],
  test: Dataset,
  signal: AbortSignal | undefined,
): Promise<RobustnessReport | ComparisonReport> {
  const data = test.take(Math.min(report.labels.length, test.length));
  const samples = { name: data.name, samples: data.length, hash: await dataHash(data) };
  const head = { labels: Array.from(data.labels), provenance: { ...report.provenance, data: samples } };
  const answered = async <M extends Pick<ModelReport, 'clean' | 'probes'>>(claimed: M, { model }: NamedSubject) => {
    const { spec, stateDict } = await model[reportModel]();
    const fits = spec.input.join() === data.shape.join();
    const asked = answersAtRandom(claimed) ? claimed.clean.predictions : undefined;
    const predictions = asked ?? (fits ? Array.from(await classesOf(model, data.tensor(), 1, signal)) : []);
    const [weights, description] = await Promise.all([weightsHash(stateDict), textHash(JSON.stringify(spec))]);
    return { ...claimed, weights, description, clean: { ...claimed.clean, predictions } };
  };
  if (!('models' in report)) return { ...(await answered(report, subjects[0])), ...head };
  const named = subjects.flatMap((subject) => {
    const claimed = report.models.find(({ name }) => name === subject.name);
    return claimed === undefined ? [] : [answered(claimed, subject)];
  });
  return { ...report, ...head, models: await Promise.all(named) };
}

/** Attacks as provenance has them. */
export const plannedSchema = array(object({ name: string(), scope: choice(['all', 'left']), attack: attackSchema }));

/** What the report says that it did. @throws {KwtaError} when that cannot be done with these models and samples. */
async function planFrom(
  { epsilons, norm, labels, provenance }: RobustnessReport | ComparisonReport,
  subjects: readonly NamedSubject[],
  test: Dataset,
): Promise<Plan> {
  const { preset, seed, maxQueries, sources } = provenance;
  if (preset !== null && !Object.hasOwn(presets, preset)) {
    throw new DataError(`provenance.preset: expected one of ${Object.keys(presets).join(', ')}, got '${preset}'`);
  }
  if (labels.length > test.length) {
    throw new DataError(`labels: expected at most ${test.length}, for there are no more samples, got ${labels.length}`);
  }
  const weights = await Promise.all(
    subjects.map(async ({ model }) => weightsHash((await model[reportModel]()).stateDict)),
  );
  const ids = new Map(sources.map((source) => [source.id, subjects[weights.indexOf(source.weights)]?.model.id]));
  const renamed = JSON.stringify(provenance.attacks, (key, value) => {
    if (key !== 'source') return value;
    const id = ids.get(value);
    if (id === undefined) throw new DataError(`provenance.attacks: the source '${value}' is none of the given models`);
    return id;
  });
  const attacks: PlannedAttack[] = parse(plannedSchema, JSON.parse(renamed), 'provenance.attacks', DataError);
  for (const { name, attack } of attacks) {
    if (normOf(attack as AttackSpec) !== norm) {
      throw new DataError(`norm: expected that of '${name}', ${normOf(attack as AttackSpec)}, got ${norm}`);
    }
  }
  return {
    epsilons,
    norm,
    preset: preset as Plan['preset'],
    attacks,
    samples: labels.length,
    seed,
    maxQueries: maxQueries ?? undefined,
  };
}

/** The report of the repetition with the ids that the first one's models had. */
function namedAlike<Report extends RobustnessReport | ComparisonReport>(
  claimed: RobustnessReport | ComparisonReport,
  again: Report,
): Report {
  const { sources } = again.provenance;
  const known = new Map(
    sources.map(({ id, weights }) => [
      id,
      claimed.provenance.sources.find((source) => source.weights === weights)?.id ?? id,
    ]),
  );
  const attacks = JSON.parse(
    JSON.stringify(again.provenance.attacks, (key, value) => (key === 'source' ? known.get(value) : value)),
  ) as Report['provenance']['attacks'];
  const renamed = sources.map((source) => ({ ...source, id: known.get(source.id) as string }));
  return { ...again, provenance: { ...again.provenance, attacks, sources: renamed } };
}
