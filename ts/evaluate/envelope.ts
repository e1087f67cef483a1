/**
 * The closest adversarials that all attacks of a report found together, and how near each attack comes to them: its
 * optimality, as AttackBench measures it (Cinà et al. 2024).
 */
import type { AttackTraits } from '../attacks/core/attack.js';
import { tolerance } from '../attacks/core/observed.js';
import type { Scope } from './presets.js';
import type { Envelope } from './report.js';
import { wilcoxon } from './wilcoxon.js';

/** A distance, or null where a sample was not broken (or not attacked). */
type Distance = number | null;

/** What an attack found of some samples, and what it asked for each. */
export interface Found {
  distances: Distance[];
  forward: number[];
  backward: number[];
}

/** An attack, and what it found of all samples at all radii. */
export interface AttackFound {
  name: string;
  scope: Scope;
  family: AttackTraits['family'];
  found: Found;
}

/** Nothing was found yet of so many samples. */
export function nothingFound(samples: number): Found {
  const list = <T>(value: T): T[] => new Array<T>(samples).fill(value);
  return { distances: list<Distance>(null), forward: list(0), backward: list(0) };
}

/** Adds what was found of samples with these numbers. */
export function addFound(whole: Found, part: Found, numbers: readonly number[]): void {
  for (const [at, i] of numbers.entries()) {
    whole.distances[i] = nearer(whole.distances[i], part.distances[at]);
    whole.forward[i] += part.forward[at];
    whole.backward[i] += part.backward[at];
  }
}

/** The smaller of two distances. */
export function nearer(a: Distance, b: Distance): Distance {
  return a === null || (b !== null && b < a) ? b : a;
}

/** The least of all, by sample. */
function leastOf(all: readonly (readonly Distance[])[], samples: number): Distance[] {
  return Array.from({ length: samples }, (_, i) =>
    all.reduce<Distance>((least, distances) => nearer(least, distances[i]), null),
  );
}

/**
 * The envelope of attacks, and each attack beside it.
 *
 * Attacks are compared on [0, dMax]. Where all that are compared look for the least distance, dMax is the largest of the
 * envelope, as in AttackBench. An attack inside balls finds nothing beyond the largest of them, and what it finds lies at
 * their edges; where there are such, every distance beyond the largest radius counts as dMax, twice that radius.
 *
 * @param right by sample: as it is. Who is wrong has distance 0.
 */
export function envelopeOf(
  attacks: readonly AttackFound[],
  right: readonly boolean[],
  epsilons: readonly number[],
): Envelope {
  const samples = right.length;
  const distances = leastOf(
    attacks.map(({ found }) => found.distances),
    samples,
  );
  const compared = attacks.filter(({ scope }) => scope === 'all');
  const radius = epsilons.reduce((a, b) => Math.max(a, b));
  const inBalls = compared.some(({ family }) => family === 'fixed');
  const furthest = distances.reduce<number>((most, distance) => Math.max(most, distance ?? 0), 0);
  const within = inBalls ? radius : furthest;
  const dMax = inBalls ? 2 * radius : furthest;

  const counted = (of: readonly Distance[]): number[] => of.map((distance) => countedUpTo(distance, within));
  const inCurve = (of: readonly Distance[]): number[] => counted(of).map((distance) => Math.min(distance, dMax));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const least = inCurve(distances);
  // Clean accuracy times dMax, less the area: sums of the same terms, so that an attack that found nothing has exactly 0.
  const room = sum(least.map((distance, i) => (right[i] ? dMax - distance : 0)));
  const broken = distances.map((_, i) => i).filter((i) => right[i] && distances[i] !== null);
  return {
    distances,
    median: medianOf(distances, right),
    within,
    dMax,
    area: sum(least) / samples,
    attacks: attacks.map(({ name, scope, family, found }) => {
      const own = inCurve(found.distances);
      const lost = sum(own.map((distance, i) => distance - least[i]));
      const best = broken.filter((i) => isWithin(found.distances[i], distances[i]));
      return {
        name,
        scope,
        family,
        ...found,
        median: scope === 'all' ? medianOf(found.distances, right) : null,
        area: scope === 'all' ? sum(own) / samples : null,
        optimality: scope === 'all' && room > 0 ? 1 - lost / room : null,
        best: broken.length === 0 ? 0 : best.length / broken.length,
      };
    }),
    comparisons: compared.flatMap((first, a) =>
      compared.slice(a + 1).map((second) => ({
        first: first.name,
        second: second.name,
        ...wilcoxon(counted(first.found.distances), counted(second.found.distances), tolerance),
      })),
    ),
  };
}

/** Infinity for what was not found, or lies beyond `within`. */
function countedUpTo(distance: Distance, within: number): number {
  return distance !== null && isWithin(distance, within) ? Math.min(distance, within) : Number.POSITIVE_INFINITY;
}

/** At most this far, but for rounding. */
export function isWithin(distance: Distance, radius: Distance): boolean {
  return distance !== null && radius !== null && distance <= radius * (1 + tolerance) + tolerance;
}

/** Of the samples that were right; null when it is beyond all that was found. */
function medianOf(distances: readonly Distance[], right: readonly boolean[]): Distance {
  const own = distances.filter((_, i) => right[i]).map((distance) => distance ?? Number.POSITIVE_INFINITY);
  own.sort((a, b) => (a === b ? 0 : a - b));
  const [low, high] = [own[(own.length - 1) >> 1], own[own.length >> 1]];
  return own.length === 0 || high === Number.POSITIVE_INFINITY ? null : (low + high) / 2;
}
