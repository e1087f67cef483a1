/** A report of two models that nobody evaluated: every part of it is there, and its figures fit each other. */
import { type AttackReport, accuracyOf, type ComparisonReport, type Finding, type ModelReport } from 'kwta';
import { noDiagnostics } from '../../dist/attacks/core/watch.js';

const total = 200;

/** `correct` samples are right, spread over all; with fewer correct, a subset. */
const right = (correct: number): boolean[] => Array.from({ length: total }, (_, i) => (37 * i) % total < correct);

function attack(
  name: string,
  gradient: AttackReport['gradient'],
  correct: number,
  scope: AttackReport['scope'],
): AttackReport {
  const survived = right(correct);
  return {
    ...{ name, gradient, epsilon: 0.1, scope, seen: total, attacked: 150, survived },
    ...accuracyOf(correct, total),
    queries: { forward: 45_678, backward: 0 },
    meanQueries: 304.5,
    seconds: 9.5,
    eightBit: { adversarials: 20, remaining: 19 },
    failures: [],
    stages:
      name === 'square' ? [{ name: 'first part', attacked: 150, broken: 9, queries: { forward: 7, backward: 0 } }] : [],
    diagnostics: { ...noDiagnostics },
    warnings: [],
    findings: [],
    predictions: survived.map((alive, i) => (alive ? i % 10 : (i + 1) % 10)),
  };
}

function model(name: string, [clean, pgd, square]: [number, number, number], findings: Finding[]): ModelReport {
  return {
    name,
    weights: name.charCodeAt(0).toString(16).repeat(32),
    description: '0'.repeat(64),
    parameters: 1_234,
    clean: { ...accuracyOf(clean, total), predictions: right(clean).map((known, i) => (known ? i : i + 1) % 10) },
    worstCase: { 0.1: accuracyOf(square, total) },
    attacks: [attack('pgd', 'exact', pgd, 'all'), attack('square', 'search', square, 'left')],
    envelope: {
      distances: right(clean).map((known) => (known ? 0.07 : 0)),
      median: 0.0712345,
      within: 0.1,
      dMax: 0.2,
      area: 0.05,
      attacks: [
        {
          ...{ name: 'pgd', scope: 'all', family: 'fixed', median: null, area: 0.08, optimality: 0.4321, best: 0.25 },
          distances: right(pgd).map((alive) => (alive ? null : 0.1)),
          ...{ forward: right(pgd).map(() => 40), backward: right(pgd).map(() => 40) },
        },
        {
          ...{ name: 'square', scope: 'left', family: 'fixed', median: null, area: null, optimality: null, best: 0.5 },
          distances: right(square).map((alive) => (alive ? null : 0.07)),
          ...{ forward: right(pgd).map(() => 200), backward: right(pgd).map(() => 0) },
        },
      ],
      comparisons: [],
    },
    curve: {
      attack: 'Square <200 queries>',
      queries: { forward: 1000, backward: 0 },
      seconds: 3,
      radii: right(clean).map((known) => (known ? 0.2 : 0)),
      failures: [],
      points: [
        { epsilon: 0.1, ...accuracyOf(square, total) },
        { epsilon: 0.2, ...accuracyOf(0, total) },
        { epsilon: 0.4, ...accuracyOf(0, total) },
      ],
    },
    probes: {
      repeated: { samples: total, differing: 0, evaluations: 1 },
      probabilities: { rows: 0, of: total },
      neighbours: { radius: 0.0157, neighbours: 100, unexplained: [0.1] },
      wholeBox: { samples: 10, left: 0, queries: 100 },
    },
    findings,
  };
}

/** The second model hides its gradient. */
export function inventedReport(): ComparisonReport {
  const findings: Finding[] = [
    { code: 'few-samples', severity: 'note', message: 'only <200> samples', evidence: { samples: total } },
    { code: 'not-attacked', severity: 'failure', message: 'square could not start', evidence: { attack: 'square' } },
    {
      code: 'hidden-gradient',
      severity: 'warning',
      message: 'square breaks more',
      evidence: { leftByOther: 20.123456 },
    },
  ];
  return {
    schema: 1,
    norm: 'l2',
    epsilons: [0.1],
    labels: Array.from({ length: total }, (_, i) => i % 10),
    provenance: {
      versions: { kwta: '0.0.0-test', platform: 'Node 0' },
      runtime: { variant: 'simd-threads', threads: 2 },
      data: { name: 'own <data>', samples: total, hash: 'd'.repeat(64) },
      preset: 'standard',
      attacks: [],
      sources: [],
      seed: 7,
      maxQueries: 5000,
      date: '2000-01-02T03:04:05.000Z',
      seconds: 75,
    },
    models: [model('relu', [180, 150, 140], []), model('kwta', [170, 120, 20], findings)],
    pairs: [
      {
        ...{ first: 'relu', second: 'kwta', epsilon: 0.1, onlyFirst: 120, onlySecond: 0, p: 1e-12 },
        ...{ difference: 0.6, ci95: [0.53, 0.66] },
      },
    ],
    findings: [{ code: 'difference-may-be-chance', severity: 'note', message: 'or may not', evidence: { p: 0.5 } }],
  };
}
