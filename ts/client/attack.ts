/** One attack on one model: options checked, the job in the engine, its results as tensors. */
import type { AttackStage } from '../attacks/core/attack.js';
import { checkRadius } from '../attacks/core/norms.js';
import type { AttackFailure } from '../attacks/core/observed.js';
import type { AttackProgress, EpsilonResult } from '../attacks/core/run.js';
import type { Queries } from '../attacks/core/target.js';
import { type AttackSpec, attackOf, normOf, traitsOf } from '../attacks/table.js';
import { checkInteger, checkKeys } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';
import type { ModelInfo } from '../engine/protocol.js';
import type { ReportedAttack, ReportedAttackOptions } from '../evaluate/evaluable.js';
import type { Connection } from './connection.js';
import { checkedLabels, checkInput, checkPixels } from './inputs.js';

/** Samples to attack, and where. */
export interface AttackOptions {
  /** `[n, C, H, W]`, every pixel in [0, 1]. */
  x: Tensor;
  /** True classes. */
  labels: ArrayLike<number>;
  /** Radii in pixel units, each >= 0; in l0 numbers of values, whole. An attack of minimum norm may go without. */
  epsilons?: number[];
  /** Makes the attack targeted: one class for each sample, another than the true one, that is to be predicted. */
  targets?: ArrayLike<number>;
  /** 0 by default. */
  seed?: number;
  /**
   * Most queries of a sample at one epsilon, forward plus backward (a gradient is 2), >= 1; no limit by default. What
   * the grader asks does not count, nor what is asked of a transfer attack's source.
   */
  maxQueries?: number;
  /** Stops the call, which then throws the reason of the signal. */
  signal?: AbortSignal;
  /** What it throws, or the promise that it returns rejects with, ends the attack and is what the call rejects with. */
  onProgress?: (progress: AttackProgress) => unknown;
}

/** What an attack found; the first index is the epsilon's. */
export interface AttackResult {
  /** Infinity alone for an attack of minimum norm that was given none. */
  epsilons: number[];
  /** As the attack left them. */
  raw: Tensor[];
  /** Brought into the ball and the box: these were graded. */
  clipped: Tensor[];
  /** The model really gives another class than the label's, or the target's class. */
  success: boolean[][];
  /** The class of each clipped sample, by epsilon. */
  predictions: Int32Array[];
  /** From the original, in the attack's norm; Infinity where an attack of minimum norm failed. */
  distances: Float32Array[];
  /** What the attack asked, over all epsilons; samples evaluated, not calls. */
  queries: Queries;
  /** By epsilon; an attack of minimum norm runs once, and its queries stand at the first. */
  queriesByEpsilon: Queries[];
  /** What was asked to grade it. */
  gradingQueries: Queries;
  /** Time by epsilon. */
  seconds: number[];
  /** By epsilon: what flatters, such as steps that cannot cross the ball. */
  warnings: string[][];
  /** Samples that could not be attacked, by the reason: they are not to be taken for robust. */
  failures: AttackFailure[][];
  /** What each attack of a cascade did, in their order; empty for other attacks. */
  stages: AttackStage[][];
}

const keys = ['x', 'labels', 'epsilons', 'targets', 'seed', 'maxQueries', 'signal', 'onProgress'];

/** See `Model.attack`. */
export async function runAttack(
  connection: Connection,
  model: ModelInfo,
  attack: AttackSpec,
  options: AttackOptions,
): Promise<AttackResult> {
  checkKeys('attack', options, keys);
  const results = await request(connection, model, attack, options);
  const asTensor = (data: Float32Array): Tensor => ({ shape: [...options.x.shape], data });
  return {
    epsilons: results.map(({ epsilon }) => epsilon),
    raw: results.map(({ raw }) => asTensor(raw)),
    clipped: results.map(({ clipped }) => asTensor(clipped)),
    success: results.map(({ success }) => success),
    predictions: results.map(({ predictions }) => predictions),
    distances: results.map(({ distances }) => distances),
    queries: total(results.map(({ queries }) => queries)),
    queriesByEpsilon: results.map(({ queries }) => queries),
    gradingQueries: total(results.map(({ gradingQueries }) => gradingQueries)),
    seconds: results.map(({ seconds }) => seconds),
    warnings: results.map(({ warnings }) => warnings),
    failures: results.map(({ observed }) => observed.failures),
    stages: results.map(({ observed }) => observed.stages),
  };
}

/** The same for a report, which knows the classes of `x` already. */
export function runReportedAttack(
  connection: Connection,
  model: ModelInfo,
  attack: AttackSpec,
  { clean, ...options }: ReportedAttackOptions,
): Promise<ReportedAttack[]> {
  return request(connection, model, attack, options, clean);
}

/** Checks everything, then asks the engine. @throws {ConfigError}, {ShapeError}, {DataError}; AbortError. */
async function request(
  connection: Connection,
  model: ModelInfo,
  attack: AttackSpec,
  options: AttackOptions,
  clean?: Int32Array,
): Promise<EpsilonResult[]> {
  const spec = attackOf(attack);
  const { x, epsilons, seed = 0, maxQueries, signal, onProgress } = options;
  if (model.classes < 2) throw new ConfigError(`attack: expected a model of two classes or more, got ${model.classes}`);
  checkInput(model, x);
  checkPixels(x);
  checkRadii(spec, epsilons);
  checkInteger('attack.seed', seed, { min: 0 });
  if (maxQueries !== undefined) checkInteger('attack.maxQueries', maxQueries, { min: 1 });
  const labels = checkedLabels(model, options.labels, x);
  const targets = options.targets && checkedTargets(model, options.targets, labels, x);
  return connection.job('attack', [model.id, spec, { x: x.data, labels, targets, epsilons, seed, maxQueries, clean }], {
    signal,
    onProgress,
  });
}

function checkRadii(spec: AttackSpec, epsilons: unknown): void {
  const minimal = traitsOf(spec).family === 'minimal';
  if (epsilons === undefined && minimal) return;
  if (!Array.isArray(epsilons) || epsilons.length === 0) {
    throw new ConfigError(`attack.epsilons: expected a list of radii, got ${describe(epsilons)}`);
  }
  for (const epsilon of epsilons) {
    if (minimal && epsilon === Number.POSITIVE_INFINITY) continue;
    checkRadius('attack.epsilons', epsilon, normOf(spec));
  }
}

function checkedTargets(model: ModelInfo, targets: ArrayLike<number>, labels: Int32Array, x: Tensor): Int32Array {
  const checked = checkedLabels(model, targets, x, 'targets');
  const same = checked.findIndex((target, i) => target === labels[i]);
  if (same >= 0) {
    throw new DataError(`targets: expected other classes than the labels, got ${checked[same]} twice at index ${same}`);
  }
  return checked;
}

function total(queries: readonly Queries[]): Queries {
  const sum = (kind: keyof Queries): number => queries.reduce((all, each) => all + each[kind], 0);
  return { forward: sum('forward'), backward: sum('backward') };
}
