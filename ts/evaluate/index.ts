/**
 * Evaluations, as a program asks for them. They are half of the package's code, which comes with the first call: a page
 * that trains loads none of it.
 */
import type { Dataset } from '../data/dataset.js';
import type * as bench from './attackBench.js';
import type { Evaluable, NamedModel } from './evaluable.js';
import type * as merge from './merge.js';
import type { EvaluateOptions } from './plan.js';
import type { ComparisonReport, RobustnessReport } from './report.js';
import type * as robust from './robustBench.js';
import type { Shard, ShardReport } from './shard.js';
import type * as matrix from './transferMatrix.js';
import type * as verification from './verify.js';

/**
 * Attacks models with several attacks and reports accuracy under each, and under all of them together. What is wrong with
 * the evaluation (a gradient that hides, an attack that could not start) stands in the report's findings.
 *
 * With a list of models every one of them is evaluated on the same samples, and each is compared with each that comes
 * after it. With `shard` only a part of the samples is attacked, and `mergeReports` makes the report of all parts.
 *
 * @param test pixels in [0, 1].
 * @throws {ConfigError} for wrong options, or a journal of another evaluation; {DataError} for labels that a model does
 *   not have; {DivergedError} when a model answers NaN to a sample as it is; AbortError.
 */
export async function evaluateRobustness(
  models: Evaluable | readonly NamedModel[],
  test: Dataset,
  options: EvaluateOptions & { shard: Shard },
): Promise<ShardReport>;
export async function evaluateRobustness(
  models: readonly NamedModel[],
  test: Dataset,
  options: EvaluateOptions,
): Promise<ComparisonReport>;
export async function evaluateRobustness(
  model: Evaluable,
  test: Dataset,
  options: EvaluateOptions,
): Promise<RobustnessReport>;
export async function evaluateRobustness(
  models: Evaluable | readonly NamedModel[],
  test: Dataset,
  options: EvaluateOptions,
): Promise<RobustnessReport | ComparisonReport | ShardReport> {
  return (await import('./robustness.js')).evaluateRobustness(models, test, options);
}

/**
 * The report that `evaluateRobustness` gives without `shard`, bit by bit but for dates and seconds (those of all parts add up).
 *
 * @param parts of all shards of one evaluation, in any order, as they were returned or as they came from `JSON.parse`.
 * @throws {DataError} for what is no part, or was changed; {ConfigError} when parts are missing or belong to different
 *   evaluations.
 */
export const mergeReports: typeof merge.mergeReports = async (...args) =>
  (await import('./merge.js')).mergeReports(...args);

/**
 * Checks a report of `evaluateRobustness` by doing it again on the same models and samples. What depends on the moment
 * (dates, seconds, threads, the platform and its version of Node) is not compared. The attacks are run again where that
 * gives the same bits: both runtimes have deterministic kernels, or both have relaxed ones; in the second case on the same
 * machine. Otherwise, and where a transfer's source is not at hand, a problem says so, and what follows from the report's
 * own figures is checked, and the answers to the samples as they are.
 *
 * @param report as it came from `JSON.parse`.
 * @param models as in `evaluateRobustness`.
 * @throws {ConfigError} for wrong arguments, not for a wrong report; AbortError.
 */
export const verifyReport: typeof verification.verifyReport = async (...args) =>
  (await import('./verify.js')).verifyReport(...args);

/**
 * Makes adversarial examples on each of some models and tries them on all of them: rows are sources, columns targets, and
 * the diagonal is the attack on the model itself. A sample that the source gets wrong as it is stays as it is.
 *
 * @param models with names of their own, of one runtime or of many.
 * @throws {ConfigError}, {ShapeError}, {DataError} for wrong arguments; AbortError.
 */
export const transferMatrix: typeof matrix.transferMatrix = async (...args) =>
  (await import('./transferMatrix.js')).transferMatrix(...args);

/**
 * Every attack of a report as a run of AttackBench. An attack that was given what others left has only these samples. The
 * closest of its adversarials over all radii counts for each sample, and its queries at all of them.
 *
 * @param test the samples that the report is about, which are hashed.
 * @param name of the model of a report of one.
 * @throws {ConfigError} when there are fewer samples than in the report.
 */
export const attackBench: typeof bench.attackBench = async (...args) =>
  (await import('./attackBench.js')).attackBench(...args);

/**
 * Each model of a report at each radius in RobustBench's form. AutoAttack has to have run; the presets `standard` and `adaptive`
 * have it.
 *
 * @param info what is to be said of the models beside their figures.
 * @param model name of the model of a report of one; names of files have it.
 * @throws {ConfigError} for a norm that RobustBench does not have, or a report without AutoAttack.
 */
export const robustBench = async (
  report: RobustnessReport | ComparisonReport,
  info?: robust.RobustBenchInfo,
  model?: string,
): Promise<robust.RobustBenchEntry[]> => (await import('./robustBench.js')).robustBench(report, info, model);
