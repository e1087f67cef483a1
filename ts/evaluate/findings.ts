/** Judgements on what attacks found, each with its evidence. This is the only place that judges. */
import type { AttackTraits } from '../attacks/core/attack.js';
import { mcnemar } from './statistics.js';

/** What a report says beside its figures. */
export interface Finding {
  /** Stable identifier. */
  code: 'hidden-gradient' | 'constant-model';
  severity: 'note' | 'warning' | 'failure';
  message: string;
  /** The figures that it rests on. */
  evidence: Record<string, number | string>;
}

/** An attack's outcome as it is judged. */
export interface Judged {
  name: string;
  epsilon: number;
  gradient: AttackTraits['gradient'];
  /** By sample: still right. */
  survived: readonly boolean[];
}

/** A difference that chance alone gives less often than this is taken for real. */
const significance = 0.05;

/** Whether two series over the same samples differ by more than chance (McNemar's exact test). */
export function differ(first: readonly boolean[], second: readonly boolean[]): boolean {
  const both = Math.min(first.length, second.length);
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let i = 0; i < both; i++) {
    if (first[i] && !second[i]) onlyFirst++;
    if (second[i] && !first[i]) onlySecond++;
  }
  return mcnemar(onlyFirst, onlySecond) < significance;
}

/** An attack without the model's gradient that breaks more than the strongest one that follows it. */
export interface HiddenGradient<Attack extends Judged> {
  epsilon: number;
  /** Samples that every attack at this epsilon saw, the first of each. */
  samples: number;
  /** The two attacks, and what they leave of these samples. */
  exact: { attack: Attack; right: number };
  other: { attack: Attack; right: number };
  /** By more than chance: the gradient is hidden, not the weakness. */
  significant: boolean;
}

/** All such attacks at one epsilon, the strongest first. */
export function hiddenGradients<Attack extends Judged>(
  attacks: readonly Attack[],
  epsilon: number,
): HiddenGradient<Attack>[] {
  const here = attacks.filter((attack) => attack.epsilon === epsilon);
  const samples = here.reduce((least, { survived }) => Math.min(least, survived.length), Number.POSITIVE_INFINITY);
  const graded = here
    .map((attack) => ({ attack, survived: attack.survived.slice(0, samples) }))
    .map(({ attack, survived }) => ({ attack, survived, right: survived.filter(Boolean).length }))
    // Among equals on these samples, the one that is stronger on all of its own.
    .sort((a, b) => a.right - b.right || share(a.attack.survived) - share(b.attack.survived));
  const exact = graded.find(({ attack }) => attack.gradient === 'exact');
  if (exact === undefined) return [];
  return graded
    .filter(({ attack, right }) => attack.gradient !== 'exact' && right < exact.right)
    .map((other) => ({ epsilon, samples, exact, other, significant: differ(exact.survived, other.survived) }));
}

function share(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length / flags.length;
}

/** What a report says of a gradient that is hidden by more than chance. */
export function hiddenGradientFinding({ epsilon, samples, exact, other }: HiddenGradient<Judged>): Finding {
  return {
    code: 'hidden-gradient',
    severity: 'warning',
    message:
      `${other.attack.name} breaks ${exact.right - other.right} samples more than ${exact.attack.name} at epsilon ` +
      `${epsilon} without the true gradient: the gradient is hidden, not the weakness`,
    evidence: {
      epsilon,
      samples,
      exact: exact.attack.name,
      leftByExact: exact.right,
      other: other.attack.name,
      leftByOther: other.right,
    },
  };
}

/** Whether the same class is given to every sample. */
export function isConstant(predictions: ArrayLike<number>): boolean {
  return (
    predictions.length > 1 && Array.prototype.every.call(predictions, (prediction) => prediction === predictions[0])
  );
}

/**
 * What a report says of a model that always answers alike: it cannot be broken, and is worthless, unless there is
 * nothing else to answer.
 */
export function constantModelFinding(predictions: ArrayLike<number>, labels: ArrayLike<number>): Finding | undefined {
  if (!isConstant(predictions)) return undefined;
  return {
    code: 'constant-model',
    severity: isConstant(labels) ? 'note' : 'failure',
    message: `the model answers ${predictions[0]} to every sample`,
    evidence: { answer: predictions[0], samples: predictions.length },
  };
}
