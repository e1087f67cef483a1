/** How robust a model is: accuracy as it is and under attacks, with confidence intervals, worst case and checks. */

import { type AttackSpec, checkAttack } from '../attacks/attack.js';
import * as attacks from '../attacks/index.js';
import { checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe, type Tensor } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import { mcnemar, wilson } from './statistics.js';

/** Right answers among samples, with Wilson's 95 % interval. */
export interface Accuracy {
  correct: number;
  total: number;
  accuracy: number;
  ci95: [number, number];
}

/** Accuracy under one attack at one epsilon. */
export interface AttackReport extends Accuracy {
  name: string;
  epsilon: number;
  /** Samples evaluated by this attack. */
  queries: { forward: number; backward: number };
  seconds: number;
  warnings: string[];
  /** By sample: still right. */
  survived: boolean[];
  /** Class given to each adversarial sample. */
  predictions: number[];
}

/** See {@link evaluateRobustness}. */
export interface RobustnessReport {
  clean: Accuracy & { /** Class given to each sample. */ predictions: number[] };
  /** By epsilon: samples that no attack broke. */
  worstCase: Record<string, Accuracy>;
  attacks: AttackReport[];
  labels: number[];
}

/** What is evaluated: a model of a runtime. */
export interface Evaluable {
  predict(x: Tensor): Promise<Int32Array>;
  attack(
    attack: AttackSpec,
    options: {
      x: Tensor;
      labels: ArrayLike<number>;
      epsilons: number[];
      seed?: number;
      signal?: AbortSignal;
      onProgress?: (progress: { epsilon: number; done: number }) => void;
    },
  ): Promise<{
    success: boolean[][];
    predictions: Int32Array[];
    queriesByEpsilon: { forward: number; backward: number }[];
    seconds: number[];
    warnings: string[][];
  }>;
}

/** An attack and what to call it in reports. */
export interface NamedAttack {
  name: string;
  attack: AttackSpec;
}

/** Options of {@link evaluateRobustness}. */
export interface EvaluateOptions {
  /** Radii in pixel units. */
  epsilons: number[];
  /**
   * `'standard'` (the default): FGSM, PGD of 40 steps with restarts, and the gradient-free estimated-gradient
   * attack that shows whether a gradient is only hidden. Or a list.
   */
  attacks?: 'standard' | (AttackSpec | NamedAttack)[];
  /** How many samples, from the start of the data; all by default. */
  samples?: number;
  seed?: number;
  signal?: AbortSignal;
  onProgress?: (progress: { name: string; epsilon: number; done: number }) => void;
}

/** The attacks that every model should be tried with. */
export function standardAttacks(): NamedAttack[] {
  return [
    { name: 'fgsm', attack: attacks.fgsm() },
    { name: 'pgd', attack: attacks.pgd({ steps: 40, restarts: 3, earlyStop: true }) },
    { name: 'estimatedGradient', attack: attacks.estimatedGradient({ steps: 30, samples: 100 }) },
  ];
}

/** Accuracy from a count. */
export function accuracyOf(correct: number, total: number): Accuracy {
  return { correct, total, accuracy: correct / total, ci95: wilson(correct, total) };
}

/**
 * Attacks a model with several attacks and reports accuracy under each, and under all of them together.
 * When an attack that never sees a gradient beats PGD, the report's warnings say so.
 *
 * @throws {ConfigError} for wrong options; AbortError.
 */
export async function evaluateRobustness(
  model: Evaluable,
  test: Dataset,
  options: EvaluateOptions,
): Promise<RobustnessReport> {
  checkKeys('evaluateRobustness', options, ['epsilons', 'attacks', 'samples', 'seed', 'signal', 'onProgress']);
  const { epsilons, samples = test.length, seed = 0, signal, onProgress } = options;
  if (!Array.isArray(epsilons) || epsilons.length === 0) {
    throw new ConfigError(`evaluateRobustness.epsilons: expected a list of radii, got ${describe(epsilons)}`);
  }
  for (const epsilon of epsilons) checkNumber('evaluateRobustness.epsilons', epsilon, { min: 0 });
  checkInteger('evaluateRobustness.samples', samples, { min: 1, max: test.length });
  const list = named(options.attacks ?? 'standard');

  const data = test.take(samples);
  const x = data.tensor();
  const labels = Array.from(data.labels);
  const clean = await model.predict(x);
  const right = labels.map((label, i) => clean[i] === label);
  const unbroken = epsilons.map(() => right.slice());
  const reports: AttackReport[] = [];
  for (const { name, attack } of list) {
    const result = await model.attack(attack, {
      x,
      labels,
      epsilons,
      seed,
      signal,
      onProgress: (progress) => onProgress?.({ name, ...progress }),
    });
    for (const [e, epsilon] of epsilons.entries()) {
      const survived = result.success[e].map((broken) => !broken);
      for (const [i, alive] of survived.entries()) if (!alive) unbroken[e][i] = false;
      reports.push({
        name,
        epsilon,
        ...accuracyOf(count(survived), samples),
        queries: result.queriesByEpsilon[e],
        seconds: result.seconds[e],
        warnings: result.warnings[e],
        survived,
        predictions: Array.from(result.predictions[e]),
      });
    }
  }
  warnOfHiddenGradients(reports, list);
  warnOfConstantPredictor(reports, clean);
  return {
    clean: { ...accuracyOf(count(right), samples), predictions: Array.from(clean) },
    worstCase: Object.fromEntries(epsilons.map((e, i) => [String(e), accuracyOf(count(unbroken[i]), samples)])),
    attacks: reports,
    labels,
  };
}

function named(list: 'standard' | (AttackSpec | NamedAttack)[]): NamedAttack[] {
  if (list === 'standard') return standardAttacks();
  if (!Array.isArray(list) || list.length === 0) {
    throw new ConfigError(
      `evaluateRobustness.attacks: expected 'standard' or a list of attacks, got ${describe(list)}`,
    );
  }
  return list.map((entry) => {
    // A transfer attack has an attack too, but no name.
    const named = 'name' in entry ? entry : { name: entry.type, attack: entry };
    checkAttack('evaluateRobustness.attacks', named.attack);
    return named;
  });
}

function count(flags: boolean[]): number {
  return flags.reduce((sum, flag) => sum + Number(flag), 0);
}

/** Attacks that do not use the true gradient of the model under attack. */
const gradientFree: ReadonlySet<AttackSpec['type']> = new Set(['estimatedGradient', 'transfer'] as const);

/** A difference that chance alone gives less often than this is taken for real. */
const significance = 0.05;

/** An attack without the true gradient that beats PGD shows that the gradient is hidden, not the weakness. */
function warnOfHiddenGradients(reports: AttackReport[], list: NamedAttack[]): void {
  const typeOf = new Map(list.map(({ name, attack }) => [name, attack.type]));
  for (const report of reports) {
    if (!gradientFree.has(typeOf.get(report.name) as AttackSpec['type'])) continue;
    const pgd = reports.filter((r) => typeOf.get(r.name) === 'pgd' && r.epsilon === report.epsilon);
    const strongest = pgd.sort((a, b) => a.correct - b.correct)[0];
    if (strongest === undefined || report.correct >= strongest.correct) continue;
    const onlyThis = count(report.survived.map((alive, i) => !alive && strongest.survived[i]));
    const onlyPgd = count(report.survived.map((alive, i) => alive && !strongest.survived[i]));
    if (mcnemar(onlyPgd, onlyThis) >= significance) continue;
    report.warnings.push(
      `breaks ${strongest.correct - report.correct} samples more than PGD at epsilon ${report.epsilon} without the true ` +
        'gradient: the gradient is hidden, not the weakness',
    );
  }
}

/** A model that always answers alike cannot be broken, and is worthless. */
function warnOfConstantPredictor(reports: AttackReport[], clean: Int32Array): void {
  if (clean.length > 1 && clean.every((prediction) => prediction === clean[0])) {
    for (const report of reports) report.warnings.push(`the model answers ${clean[0]} to every sample`);
  }
}
