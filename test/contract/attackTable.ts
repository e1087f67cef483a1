/** Every attack, small: what the contract of all attacks is checked on. A new attack is one line here. */
import { attacks, type Model } from 'kwta';

/** An attack as plain data. */
export type Attack = Parameters<Model['attack']>[0];

export const convexNorms = ['linf', 'l2', 'l1'] as const;
export type ConvexNorm = (typeof convexNorms)[number];
export const norms = [...convexNorms, 'l0'] as const;
export type Norm = (typeof norms)[number];

/** What is asked for one sample that does not fall: forward and backward. */
type Asked = readonly [forward: number, backward: number];

/** What a row is made for. */
interface Setting {
  norm: Norm;
  classes: number;
}

interface Row {
  /** Is asked for the row's norms alone: it may take more than the convex ones. */
  make: (norm: ConvexNorm, source: Model) => Attack;
  /** The trait that it must have. */
  gradient: 'exact' | 'surrogate' | 'estimated' | 'search' | 'decisions' | 'none' | 'transfer' | 'several';
  /** All convex norms when left out. */
  norms?: readonly Norm[];
  /** Where it does not depend on what is met on the way. */
  asks?: (setting: Setting) => Asked;
  /** Too weak to reach a target on every model. */
  weak?: boolean;
  /** More would take long. */
  maxQueries?: number;
}

/** The attack of a row, in one of its norms. */
export const attackIn = ({ make }: Row, norm: Norm, source: Model): Attack => make(norm as ConvexNorm, source);

/** APGD in l1 begins each of its three balls with a gradient. */
const climbs = (norm: Norm, steps: number): number => steps + (norm === 'l1' ? 3 : 1);

const exact = { gradient: 'exact' } as const;
const surrogate = { gradient: 'surrogate' } as const;
const search = { gradient: 'search' } as const;
const estimated = { gradient: 'estimated' } as const;
const decisions = { gradient: 'decisions' } as const;
const none = { gradient: 'none', weak: true } as const;
const several = { gradient: 'several' } as const;
const pgd = (norm: Norm): Attack => attacks.pgd({ norm, steps: 4 });
const both = (count: number): Asked => [count, count];

export const table: Readonly<Record<string, Row>> = {
  fgsm: { ...exact, weak: true, make: (norm) => attacks.fgsm({ norm }), asks: () => both(1) },
  'fgsm on the margin': {
    ...exact,
    weak: true,
    make: (norm) => attacks.fgsm({ norm, loss: 'margin' }),
    asks: () => both(1),
  },
  bim: { ...exact, make: (norm) => attacks.bim({ norm, steps: 4 }), asks: () => both(4) },
  mim: { ...exact, make: (norm) => attacks.mim({ norm, steps: 4, decay: 0.9 }), asks: () => both(4) },
  pgd: { ...exact, norms, make: pgd, asks: () => both(4) },
  'pgd with restarts': {
    ...exact,
    norms,
    make: (norm: Norm) => attacks.pgd({ norm, steps: 3, restarts: 2 }),
    asks: () => [7, 6],
  },
  'pgd with early stop on dlr': {
    ...exact,
    make: (norm) => attacks.pgd({ norm, steps: 4, earlyStop: true, loss: 'dlr' }),
    asks: () => both(4),
  },
  'pgd with early stop': {
    ...exact,
    norms: ['l0'],
    make: () => attacks.pgd({ norm: 'l0', steps: 4, earlyStop: true }),
    asks: () => both(4),
  },
  'pgd with far too large steps': {
    ...exact,
    make: (norm) => attacks.pgd({ norm, steps: 3, stepSize: 5 }),
    asks: () => both(3),
  },
  apgd: {
    ...exact,
    make: (norm) => attacks.apgd({ norm, steps: 6, restarts: 2 }),
    asks: ({ norm }) => both(2 * climbs(norm, 6)),
  },
  'apgd on dlr': {
    ...exact,
    make: (norm) => attacks.apgd({ norm, steps: 5, loss: 'dlr', eot: 2 }),
    asks: ({ norm }) => both(2 * climbs(norm, 5)),
  },
  'apgd on targeted dlr': {
    ...exact,
    make: (norm) => attacks.apgd({ norm, steps: 5, loss: 'targetedDlr' }),
    asks({ norm, classes }) {
      const climbed = (classes - 1) * climbs(norm, 5);
      return [1 + climbed, climbed];
    },
  },
  noise: { ...none, norms, make: (norm: Norm) => attacks.noise({ norm, repeats: 6 }), asks: () => [6, 0] },
  'gaussian noise': {
    ...none,
    make: (norm) => attacks.noise({ norm, kind: 'gaussian', repeats: 6 }),
    asks: () => [6, 0],
  },
  'salt and pepper': {
    ...none,
    norms,
    make: (norm: Norm) => attacks.noise({ norm, kind: 'saltPepper', repeats: 6 }),
    asks: () => [6, 0],
  },
  deepFool: {
    ...exact,
    norms: ['linf', 'l2'],
    // It is made in these norms alone.
    make: (norm) => attacks.deepFool({ norm: norm as 'linf' | 'l2', steps: 8 }),
  },
  fab: { ...exact, make: (norm) => attacks.fab({ norm, steps: 6, restarts: 2 }) },
  'targeted fab': { ...exact, make: (norm) => attacks.fab({ norm, steps: 6, targeted: true }) },
  carliniWagner: {
    ...exact,
    norms: ['l2'],
    make: () => attacks.carliniWagner({ searches: 5, steps: 12, learningRate: 0.1, initialConstant: 0.1 }),
  },
  ddn: { ...exact, norms: ['l2'], make: () => attacks.ddn({ steps: 12 }) },
  sigmaZero: { ...exact, norms: ['l0'], make: () => attacks.sigmaZero({ steps: 20 }) },
  fmn: { ...exact, norms, make: (norm: Norm) => attacks.fmn({ norm, steps: 12 }) },
  pdpgd: { ...exact, norms, make: (norm: Norm) => attacks.pdpgd({ norm, steps: 20 }) },
  estimatedGradient: {
    ...estimated,
    make: (norm) => attacks.estimatedGradient({ norm, steps: 4, samples: [10, 20] }),
    asks: () => [2 * 11 + 2 * 21, 0],
  },
  'estimated gradient by spsa': {
    ...estimated,
    make: (norm) => attacks.estimatedGradient({ norm, steps: 3, samples: 20, estimator: 'spsa' }),
    asks: () => [3 * 21, 0],
  },
  square: { ...search, make: (norm) => attacks.square({ norm, queries: 30, restarts: 2 }), asks: () => [60, 0] },
  boundary: {
    ...decisions,
    norms: ['l2'],
    make: () => attacks.boundary({ queries: 150 }),
    asks: () => [150, 0],
  },
  geoDa: { ...decisions, norms: convexNorms, make: (norm) => attacks.geoDa({ norm, queries: 200 }) },
  // It is made in these norms alone.
  hopSkipJump: {
    ...decisions,
    norms: ['linf', 'l2'],
    make: (norm) => attacks.hopSkipJump({ norm: norm as 'linf' | 'l2', steps: 3, initialEvaluations: 40 }),
  },
  rays: { ...decisions, norms: ['linf'], make: () => attacks.rays({ queries: 150 }), asks: () => [150, 0] },
  signOpt: {
    ...decisions,
    norms: ['l2'],
    make: () => attacks.signOpt({ queries: 150, k: 20 }),
    asks: () => [150, 0],
  },
  transfer: {
    gradient: 'transfer',
    norms,
    make: (norm: Norm, source) => attacks.transfer({ source, attack: pgd(norm) }),
    asks: () => [0, 0],
  },
  bpda: { ...surrogate, norms, make: (norm: Norm) => attacks.bpda({ attack: pgd(norm) }), asks: () => both(4) },
  smoothed: {
    ...surrogate,
    norms,
    make: (norm: Norm) => attacks.smoothed({ attack: pgd(norm), samples: 3 }),
    asks: () => [4 * 4, 4 * 3],
  },
  'smoothed apgd': {
    ...surrogate,
    make: (norm) => attacks.smoothed({ attack: attacks.apgd({ norm, steps: 5 }), samples: 2 }),
    asks: ({ norm }) => [3 * climbs(norm, 5), 2 * climbs(norm, 5)],
  },
  restarts: { ...exact, norms, make: (norm: Norm) => attacks.restarts(pgd(norm), 2), asks: () => both(8) },
  'restarts of fab': { ...exact, make: (norm) => attacks.restarts(attacks.fab({ norm, steps: 4 }), 2) },
  minimal: { ...exact, make: (norm) => attacks.minimal(attacks.bim({ norm, steps: 3 }), { steps: 4 }) },
  'minimal pgd': { ...exact, norms, make: (norm: Norm) => attacks.minimal(pgd(norm), { steps: 4 }) },
  'minimal square': { ...search, make: (norm) => attacks.minimal(attacks.square({ norm, queries: 10 }), { steps: 4 }) },
  autoAttack: { ...several, make: (norm) => attacks.autoAttack({ norm }), maxQueries: 90 },
  'autoAttack of others': {
    ...several,
    make: (norm) =>
      attacks.autoAttack({ norm, attacks: [attacks.fgsm({ norm }), attacks.square({ norm, queries: 9 })] }),
    asks: () => [10, 1],
  },
  adaptiveKwta: {
    ...several,
    norms,
    make: (norm: Norm, source) => attacks.adaptiveKwta({ norm, source }),
    maxQueries: 90,
  },
};
