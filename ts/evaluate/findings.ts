/** Comparisons of what attacks leave on the same samples, which the judgements in findings/ rest on. */
import type { AttackTraits } from '../attacks/core/attack.js';
import { mcnemar } from './statistics.js';

/** An attack's outcome as it is judged. */
export interface Judged {
  name: string;
  epsilon: number;
  gradient: AttackTraits['gradient'];
  /** `left`: it was given only what others left, and is compared with nothing. */
  scope?: 'all' | 'left';
  /** By sample: still right. */
  survived: readonly boolean[];
}

/** A difference that chance alone gives less often than this is taken for real. */
export const significance = 0.05;

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

/** The attacks at one epsilon that saw the same samples. */
export function comparable<Attack extends Judged>(attacks: readonly Attack[], epsilon: number): Attack[] {
  return attacks.filter((attack) => attack.epsilon === epsilon && attack.scope !== 'left');
}

/** All such attacks at one epsilon, the strongest first. */
export function hiddenGradients<Attack extends Judged>(
  attacks: readonly Attack[],
  epsilon: number,
): HiddenGradient<Attack>[] {
  const here = comparable(attacks, epsilon);
  const samples = here.reduce((least, { survived }) => Math.min(least, survived.length), Number.POSITIVE_INFINITY);
  const graded = here
    .map((attack) => ({ attack, survived: attack.survived.slice(0, samples) }))
    .map(({ attack, survived }) => ({ attack, survived, right: survived.filter(Boolean).length }))
    // Among equals on these samples, the one that is stronger on all of its own.
    .sort((a, b) => a.right - b.right || share(a.attack.survived) - share(b.attack.survived));
  const exact = graded.find(({ attack }) => attack.gradient === 'exact');
  if (exact === undefined) return [];
  return graded
    .filter(({ attack: { gradient }, right }) => gradient !== 'exact' && gradient !== 'several' && right < exact.right)
    .map((other) => ({ epsilon, samples, exact, other, significant: differ(exact.survived, other.survived) }));
}

function share(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length / flags.length;
}

/** Whether the same class is given to every sample. */
export function isConstant(predictions: ArrayLike<number>): boolean {
  return (
    predictions.length > 1 && Array.prototype.every.call(predictions, (prediction) => prediction === predictions[0])
  );
}
