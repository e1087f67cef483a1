/** How robust a model is: accuracy as it is and under attacks, with confidence intervals, worst case and checks. */

import type { AttackTraits } from '../attacks/core/attack.js';
import * as attacks from '../attacks/index.js';
import { type AttackSpec, attackOf, traitsOf } from '../attacks/table.js';
import { checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import { checkDataset, type Dataset } from '../data/dataset.js';
import { type Evaluable, reportAttack } from './evaluable.js';
import { constantModelFinding, type Finding, hiddenGradientFinding, hiddenGradients } from './findings.js';
import { wilson } from './statistics.js';

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
  /** Where the attack gets its direction from: the model's gradient, an estimate from outputs, or another model. */
  gradient: AttackTraits['gradient'];
  /** Samples evaluated by this attack. */
  queries: { forward: number; backward: number };
  seconds: number;
  warnings: string[];
  /** What is to be said of this attack's figures. */
  findings: Finding[];
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
  /** What is to be said of the figures, those of single attacks among it. */
  findings: Finding[];
  labels: number[];
}

/** An attack and what to call it in reports. */
export interface NamedAttack {
  name: string;
  attack: AttackSpec;
}

/** Progress of one attack at one epsilon. */
export interface EvaluationProgress {
  name: string;
  epsilon: number;
  /** 0 to 1. */
  done: number;
  /** What the attack left, once it is known. */
  accuracy?: number;
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
  /** As in `model.attack`: what it throws, or the promise that it returns rejects with, ends the evaluation. */
  onProgress?: (progress: EvaluationProgress) => unknown;
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
  if (typeof model?.[reportAttack] !== 'function') {
    throw new ConfigError(`model: expected a model of a runtime, got ${describe(model)}`);
  }
  checkDataset('test', test);
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
    const results = await model[reportAttack](attack, {
      x,
      labels,
      epsilons,
      clean,
      seed,
      signal,
      onProgress: (progress) => onProgress?.({ name, ...progress }),
    });
    for (const [e, { success, epsilon, queries, seconds, warnings, predictions }] of results.entries()) {
      const survived = success.map((broken) => !broken);
      for (const [i, alive] of survived.entries()) if (!alive) unbroken[e][i] = false;
      reports.push({
        name,
        epsilon,
        gradient: traitsOf(attack).gradient,
        ...accuracyOf(count(survived), samples),
        queries,
        seconds,
        warnings,
        findings: [],
        survived,
        predictions: Array.from(predictions),
      });
      await onProgress?.({ name, epsilon, done: 1, accuracy: count(survived) / samples });
    }
  }
  const findings = judge(reports, epsilons, clean, labels);
  return {
    clean: { ...accuracyOf(count(right), samples), predictions: Array.from(clean) },
    worstCase: Object.fromEntries(epsilons.map((e, i) => [String(e), accuracyOf(count(unbroken[i]), samples)])),
    attacks: reports,
    findings,
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
    return { ...named, attack: attackOf(named.attack, 'evaluateRobustness.attacks') };
  });
}

function count(flags: boolean[]): number {
  return flags.reduce((sum, flag) => sum + Number(flag), 0);
}

/** Writes findings beside the attacks they are about, and gives all of them. */
function judge(
  reports: readonly AttackReport[],
  epsilons: readonly number[],
  clean: Int32Array,
  labels: readonly number[],
): Finding[] {
  const findings: Finding[] = [];
  const constant = constantModelFinding(clean, labels);
  if (constant) {
    findings.push(constant);
    for (const report of reports) report.warnings.push(constant.message);
  }
  for (const hidden of epsilons.flatMap((epsilon) => hiddenGradients(reports, epsilon))) {
    if (!hidden.significant) continue;
    const finding = hiddenGradientFinding(hidden);
    findings.push(finding);
    hidden.other.attack.findings.push(finding);
    hidden.other.attack.warnings.push(finding.message);
  }
  return findings;
}
