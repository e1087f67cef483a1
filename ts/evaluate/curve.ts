/**
 * Accuracy by radius, up to the radius where nothing is right. The attacks of the report say what is left at its epsilons;
 * between them and beyond, what is left at one radius goes on to the next, by a factor of the root of 2 (in l0 to the next
 * whole number), with the margin's PGD (20 steps) and then Square (200 queries; in l0 salt and pepper, for there are no
 * squares): 240 queries at most for each sample and radius.
 */
import { diameter, type Norm, radiiIn } from '../attacks/core/norms.js';
import { noise, pgd, square } from '../attacks/index.js';
import type { AttackSpec } from '../attacks/table.js';
import type { SecurityCurve } from './report.js';
import { ordered, type Part } from './rows.js';
import { accuracyOf } from './statistics.js';

const steps = 20;
const queries = 200;

/** What is tried at a radius, one after another. */
export const curveAttacks = (norm: Norm): AttackSpec[] => [
  pgd({ norm, steps, earlyStop: true, loss: 'margin' }),
  norm === 'l0' ? noise({ norm, kind: 'saltPepper', repeats: queries }) : square({ norm, queries }),
];

const words = (norm: Norm): string =>
  `PGD (${steps} steps on the margin), then ${norm === 'l0' ? 'salt and pepper' : 'Square'} (${queries} queries)`;

/** Ascending: from half of the smallest epsilon, if there is one above 0, to the whole box. */
export function radiiOf(epsilons: readonly number[], norm: Norm, size: number): number[] {
  const end = diameter(norm, size);
  const given = epsilons.filter((epsilon) => epsilon > 0 && epsilon <= end);
  const radii = new Set([...given, end]);
  const start = Math.min(end, ...given) / 2;
  // A product of exact numbers is the same on every platform; `**` need not be.
  for (let radius = start; radius < end; radius *= 2) {
    radii.add(radius);
    if (radius * Math.SQRT2 < end) radii.add(radius * Math.SQRT2);
  }
  return radiiIn(norm, [...radii]).sort((a, b) => a - b);
}

/** What was tried at one radius. */
export interface RadiusRun {
  epsilon: number;
  /** Of each attack on each chunk, and the numbers of the samples that it was given. */
  parts: { part: Part; given: readonly number[] }[];
}

/** @param radii by sample: where it was broken. */
export function curveOf(runs: readonly RadiusRun[], radii: readonly (number | null)[], norm: Norm): SecurityCurve {
  const parts = runs.flatMap((run) => run.parts.map(({ part }) => part));
  const sum = (value: (part: Part) => number): number => parts.reduce((total, part) => total + value(part), 0);
  return {
    attack: words(norm),
    queries: { forward: sum((part) => part.queries.forward), backward: sum((part) => part.queries.backward) },
    seconds: sum((part) => part.seconds),
    radii: [...radii],
    failures: failuresOf(runs, radii),
    points: pointsOf(
      runs.map(({ epsilon }) => epsilon),
      radii,
    ),
  };
}

/** Whom an attack could not attack, and no other broke at the same radius. */
function failuresOf(runs: readonly RadiusRun[], radii: readonly (number | null)[]): SecurityCurve['failures'] {
  const found = new Map<string, Set<number>>();
  for (const { epsilon, parts } of runs) {
    for (const { part, given } of parts) {
      for (const { reason, samples } of part.observed.failures) {
        const standing = samples.map((at) => given[at]).filter((i) => radii[i] !== epsilon);
        if (standing.length > 0) found.set(reason, new Set([...(found.get(reason) ?? []), ...standing]));
      }
    }
  }
  return ordered(Array.from(found, ([reason, samples]) => ({ reason, samples: [...samples] })));
}

/** Accuracy at each radius. */
export function pointsOf(epsilons: readonly number[], radii: readonly (number | null)[]): SecurityCurve['points'] {
  return epsilons.map((epsilon) => {
    const right = radii.filter((radius) => radius === null || radius > epsilon).length;
    return { epsilon, ...accuracyOf(right, radii.length) };
  });
}
