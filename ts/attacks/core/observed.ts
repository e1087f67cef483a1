/** What is known of a run of an attack beside its figures, in parts that can be put together, and in words. */
import type { AttackStage } from './attack.js';
import { addDiagnostics, type Diagnostics, noDiagnostics } from './watch.js';

/** Samples that could not be attacked. */
export interface AttackFailure {
  reason: string;
  samples: number[];
}

/** Why a sample could not be attacked to which the model answered NaN on the way. */
export const notNumbers = 'the model answered with values that are no numbers';

/** Of one run of an attack on some samples at one epsilon. */
export interface Observed {
  /** What the attack itself said. */
  said: string[];
  /** Samples that were not at their goal before. */
  attacked: number;
  failures: AttackFailure[];
  /** What each attack of a cascade did, in their order. */
  stages: AttackStage[];
  diagnostics: Diagnostics;
  /** Furthest that a candidate had left the ball or the box. */
  outside: number;
}

/** Nothing was run yet. */
export const nothingObserved: Readonly<Observed> = {
  said: [],
  attacked: 0,
  failures: [],
  stages: [],
  diagnostics: noDiagnostics,
  outside: 0,
};

/** How far outside the ball a point may lie by rounding alone. */
export const tolerance = 1e-6;

/**
 * What was observed on two sets of samples.
 *
 * @param numbers of the samples of the second.
 */
export function addObserved(a: Observed, b: Observed, numbers: readonly number[]): Observed {
  const failures = a.failures.map(({ reason, samples }) => ({ reason, samples: [...samples] }));
  for (const { reason, samples } of b.failures) {
    const renumbered = samples.map((i) => numbers[i]);
    const known = failures.find((failure) => failure.reason === reason);
    if (known === undefined) failures.push({ reason, samples: renumbered });
    else known.samples.push(...renumbered);
  }
  return {
    said: [...new Set([...a.said, ...b.said])],
    attacked: a.attacked + b.attacked,
    failures,
    stages: b.stages.reduce(addStage, a.stages),
    diagnostics: addDiagnostics(a.diagnostics, b.diagnostics),
    outside: Math.max(a.outside, b.outside),
  };
}

/** The stages with one more, which adds to what it did before. */
function addStage(stages: readonly AttackStage[], stage: AttackStage): AttackStage[] {
  const sum = (known: AttackStage): AttackStage => ({
    name: known.name,
    attacked: known.attacked + stage.attacked,
    broken: known.broken + stage.broken,
    queries: {
      forward: known.queries.forward + stage.queries.forward,
      backward: known.queries.backward + stage.queries.backward,
    },
  });
  return stages.some(({ name }) => name === stage.name)
    ? stages.map((known) => (known.name === stage.name ? sum(known) : known))
    : [...stages, stage];
}

/** What to tell the user of a run on `total` samples. */
export function warningsOf(type: string, total: number, observed: Observed): string[] {
  const { said, attacked, failures, outside, diagnostics } = observed;
  const { gradients, zero, blind } = diagnostics;
  const warnings = [...said];
  for (const { reason, samples } of failures) {
    warnings.push(`${type}: ${samples.length} of ${total} samples could not be attacked: ${reason}`);
  }
  if (blind > 0 || zero > gradients / 10) {
    warnings.push(
      `${type}: the gradient was zero for ${Math.round((100 * zero) / gradients)} % of the queries; ` +
        `${blind} of ${attacked} samples saw no other`,
    );
  }
  if (outside > tolerance) {
    warnings.push(`candidates left the ball or the box by up to ${outside.toExponential(1)}; clipped`);
  }
  return warnings;
}
