/**
 * Samples mixed in pairs, and their targets likewise (Zhang et al. 2018): `x_i` becomes `share x_i + (1 - share) x_j` with one
 * share of a Beta(alpha, alpha) distribution for the whole batch, and `j` the place of `i` in a random order of it.
 */
import { logarithm, type Random } from '../../base/random.js';
import { descriptor, number, type Output, tagged } from '../../base/schema.js';
import type { Targets } from '../loss.js';
import type { AugmentTraits } from './picture.js';

export type MixUpSpec = Output<typeof mixUpDescriptor.schema>;

const traits: AugmentTraits = { mixes: true };

export const mixUpDescriptor = descriptor(tagged('mixUp', { alpha: number({ min: 0.01, max: 100 }) }), traits);

/** Mixes a batch `[n, size]` in place, and says what it is to be taken for. */
export function mixUp({ alpha }: MixUpSpec, x: Float32Array, labels: Int32Array, random: Random): Targets {
  const share = beta(alpha, random);
  const partners = random.permutation(labels.length);
  const size = x.length / labels.length;
  const before = x.slice();
  for (const [i, partner] of partners.entries()) {
    for (let k = 0; k < size; k++) {
      x[i * size + k] = share * before[i * size + k] + (1 - share) * before[partner * size + k];
    }
  }
  const mixed = {
    labels: Int32Array.from(partners, (partner) => labels[partner]),
    shares: new Float64Array(labels.length).fill(share),
  };
  return { labels, mixed };
}

/** A value of Beta(alpha, alpha): the share of one of two Gamma values in their sum, which may be as small as numbers get. */
function beta(alpha: number, random: Random): number {
  const difference = logGamma(alpha, random) - logGamma(alpha, random);
  return 1 / (1 + exponential(-difference));
}

/**
 * Logarithm of a value of Gamma(alpha, 1) (Marsaglia & Tsang 2000), from one of Gamma(alpha + 1), which the method is made
 * for, times a uniform value to the power of 1 / alpha.
 */
function logGamma(alpha: number, random: Random): number {
  const d = alpha + 1 - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const normal = random.normal();
    const root = 1 + c * normal;
    if (root <= 0) continue;
    const log = 3 * logarithm(root);
    const accepted = logarithm(open(random)) < 0.5 * normal * normal + d - d * root * root * root + d * log;
    if (accepted) return logarithm(d) + log + logarithm(open(random)) / alpha;
  }
}

/** Uniform in (0, 1). */
function open(random: Random): number {
  return (random.uint32() + 0.5) / 2 ** 32;
}

/** e to the power of x, with the same bits in every engine; beyond the range of numbers 0 or Infinity. */
function exponential(x: number): number {
  if (x < -700) return 0;
  if (x > 700) return Number.POSITIVE_INFINITY;
  // In [-1/2, 1/2] of the logarithm of 2, sixteen terms reach the last bit.
  const twos = Math.round(x / Math.LN2);
  const rest = x - twos * Math.LN2;
  let series = 1;
  for (let term = 16; term >= 1; term--) series = 1 + (series * rest) / term;
  for (let i = 0; i < Math.abs(twos); i++) series *= twos > 0 ? 2 : 0.5;
  return series;
}
