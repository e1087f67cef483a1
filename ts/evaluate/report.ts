/**
 * The robustness report: plain JSON, described by one schema that its types follow from. Every figure in it is either
 * measured (predictions, queries, diagnostics, probes) or follows from what was measured, so that it can be checked.
 */
import { gradients } from '../attacks/core/attack.js';
import { norms } from '../attacks/core/norms.js';
import { type Diagnostics, noDiagnostics } from '../attacks/core/watch.js';
import {
  array,
  boolean,
  choice,
  integer,
  nullable,
  number,
  type Output,
  object,
  optional,
  record,
  some,
  string,
  tuple,
  union,
  unknown,
} from '../base/schema.js';
import { variants } from '../kernels/variant.js';
import { findingCodes } from './codes.js';

/** What makes a report of this package one that this version reads. */
export const reportVersion = 1;

const count = () => integer({ min: 0 }, 'a whole number', Number.MAX_SAFE_INTEGER);
const share = () => number({ min: 0, max: 1 });
/** SHA-256 as 64 hexadecimal digits. */
const hash = string;

const accuracyFields = {
  /** How many are right. */
  correct: count(),
  /** Of so many. */
  total: integer({ min: 1 }),
  /** `correct / total`. */
  accuracy: share(),
  /** Wilson's 95 % interval. */
  ci95: tuple([share(), share()], '[lower, upper]'),
};
const accuracySchema = object(accuracyFields, 'an accuracy');

const findingSchema = object(
  {
    /** Stable identifier. */
    code: choice(findingCodes),
    /** `failure`: the figures mean nothing; `warning`: they flatter; `note`: how far they may be quoted. */
    severity: choice(['note', 'warning', 'failure']),
    /** One sentence. */
    message: string(),
    /** The figures that it rests on. */
    evidence: record(union([number(), string()], 'a number or a string')),
  },
  'a finding',
);

const queriesSchema = object({ /** Samples evaluated. */ forward: count(), backward: count() }, 'queries');

const diagnosticsSchema = object(
  Object.fromEntries(Object.keys(noDiagnostics).map((key) => [key, count()])) as Record<
    keyof Diagnostics,
    ReturnType<typeof count>
  >,
  'diagnostics',
);

const failureSchema = object({ reason: string(), samples: array(count()) }, 'a failure');

const attackReportSchema = object(
  {
    /** Unique among the attacks of a report. */
    name: string(),
    /** In pixel units. */
    epsilon: number({ min: 0 }),
    /** Where the attack gets its direction from. */
    gradient: choice(gradients),
    /** `left`: only samples that no attack before it (of this epsilon) broke; the figures are then of all together. */
    scope: choice(['all', 'left']),
    /** Samples that it was given. */
    seen: count(),
    /** Those of them that were right before: it worked on these. */
    attacked: count(),
    /** Samples that are still right. */
    ...accuracyFields,
    /** Samples evaluated by this attack; one of minimum norm runs once, and queries and seconds stand at the first epsilon. */
    queries: queriesSchema,
    /** Forward and backward, by sample that it worked on. */
    meanQueries: number({ min: 0 }),
    /** The time it took. */
    seconds: number({ min: 0 }),
    /** Adversarials that it made, and those still misclassified when every pixel is rounded to a multiple of 1/255. */
    eightBit: object({ adversarials: count(), remaining: count() }, 'counts'),
    /** Samples that it could not attack, which are not to be taken for robust. */
    failures: array(failureSchema),
    /** What each attack of a cascade did, in their order; none for other attacks. */
    stages: array(object({ name: string(), attacked: count(), broken: count(), queries: queriesSchema }, 'a stage')),
    /** What was seen of it from outside while it ran. */
    diagnostics: diagnosticsSchema,
    /** What the attack itself had to say, and its findings that are warnings. */
    warnings: array(string()),
    /** What is to be said of this attack's figures. */
    findings: array(findingSchema),
    /** By sample: still right, after those before it too where the scope is `left`. */
    survived: array(boolean()),
    /** Class given to each adversarial sample; -1 where it was not given the sample. */
    predictions: array(integer({ min: -1 })),
  },
  'an attack of a report',
);

/** What is asked of a model whatever the attacks are. */
const probesSchema = object(
  {
    /** The same samples asked again: how many answered with other logits. `evaluations` of each decided by majority. */
    repeated: object({ samples: count(), differing: count(), evaluations: count() }),
    /** Rows of logits that lie in [0, 1] and have the sum 1. */
    probabilities: object({ rows: count(), of: count() }),
    /** By sample: the share of the margin's variance among `neighbours` (L-inf, within `radius`) that the gradient leaves unexplained. */
    neighbours: object({ radius: number({ above: 0 }), neighbours: count(), unexplained: array(number({ min: 0 })) }),
    /** PGD on the margin with the whole box as its ball: samples that it left right. */
    wholeBox: object({ samples: count(), left: count(), queries: count() }),
  },
  'probes',
);

const curveSchema = object(
  {
    /** What was tried at each radius on those still right, in words. */
    attack: string(),
    /** What that asked, over all radii. */
    queries: queriesSchema,
    /** The time it took. */
    seconds: number({ min: 0 }),
    /** By sample: the smallest radius at which any attack broke it (0: wrong as it is), null when none did. */
    radii: array(nullable(number({ min: 0 }))),
    /** Samples that one of its attacks could not attack at a radius where none broke them. */
    failures: array(failureSchema),
    /** By radius, ascending, until nothing is right. */
    points: array(object({ epsilon: number({ min: 0 }), ...accuracyFields }, 'a point')),
  },
  'a security curve',
);

/** By sample; null where it was not broken. */
const distances = () => array(nullable(number({ min: 0 })));

const envelopeSchema = object(
  {
    /**
     * By sample, in the report's norm: how far the closest adversarial is that any attack made (in a preset, also at the
     * radii of the curve), as it was graded; 0 where the model is wrong as it is.
     */
    distances: distances(),
    /** Of the samples that were right; null when less than half of them were broken. */
    median: nullable(number({ min: 0 })),
    /** Distances beyond it count as dMax. */
    within: number({ min: 0 }),
    /** Where curves of accuracy by distance end. */
    dMax: number({ min: 0 }),
    /** Under the curve from 0 to dMax. */
    area: number({ min: 0 }),
    /** Each beside all together. */
    attacks: array(
      object(
        {
          /** Of the attack, or `'curve'`. */
          name: string(),
          scope: choice(['all', 'left']),
          family: choice(['fixed', 'minimal']),
          /** By sample, over all radii; an attack of minimum norm is graded without a ball, too. */
          distances: distances(),
          /** Samples evaluated for each sample. */
          forward: array(count()),
          backward: array(count()),
          /** As of the envelope; null, too, where it was not given all samples, as the next two. */
          median: nullable(number({ min: 0 })),
          area: nullable(number({ min: 0 })),
          /** `1 - (area - area of the envelope) / (clean accuracy * dMax - area of the envelope)`; null when nothing was broken. */
          optimality: nullable(number({ max: 1 })),
          /** Of the samples that were right and that any attack broke, the share where none came closer. */
          best: share(),
        },
        'an attack beside the envelope',
      ),
    ),
    /** Each two attacks that were given all samples: Wilcoxon's signed-rank test of their distances up to `within`. */
    comparisons: array(
      object(
        {
          first: string(),
          second: string(),
          /** Samples where they differ. */
          pairs: count(),
          /** The smaller sum of ranks. */
          statistic: number({ min: 0 }),
          p: share(),
        },
        'a comparison of attacks',
      ),
    ),
  },
  'an envelope',
);

const modelFields = {
  /** SHA-256 of the state dict. */
  weights: hash(),
  /** SHA-256 of the model's description as JSON, with the gamma in use. */
  description: hash(),
  /** Number of trainable values. */
  parameters: count(),
  /** On the samples as they are. */
  clean: object({ ...accuracyFields, /** Class given to each sample. */ predictions: array(count()) }),
  /** By epsilon: samples that no attack broke, at it or at a smaller one. */
  worstCase: record(accuracySchema),
  /** By attack, and for each by epsilon. */
  attacks: array(attackReportSchema),
  /** The least distances that all attacks found together, and each attack beside them. */
  envelope: envelopeSchema,
  /** Accuracy by radius; of presets only. */
  curve: optional(curveSchema),
  /** What the model was asked whatever the attacks are. */
  probes: probesSchema,
  /** What is to be said of the figures, those of single attacks among it. */
  findings: array(findingSchema),
};

/** Two models on the same samples. */
const pairSchema = object(
  {
    /** Name of a model. */
    first: string(),
    /** Name of another. */
    second: string(),
    /** In pixel units. */
    epsilon: number({ min: 0 }),
    /** The attack compared; the worst case when left out. */
    attack: optional(string()),
    /** Samples that only the first has right. */
    onlyFirst: count(),
    /** Samples that only the second has right. */
    onlySecond: count(),
    /** Exact p-value of McNemar's test. */
    p: share(),
    /** Accuracy of the first minus that of the second. */
    difference: number({ min: -1, max: 1 }),
    /** Paired 95 % interval of the difference (Bonett & Price 2012). */
    ci95: tuple([number({ min: -1, max: 1 }), number({ min: -1, max: 1 })], '[lower, upper]'),
  },
  'a comparison',
);

export const provenanceSchema = object(
  {
    versions: object({ kwta: string(), platform: string() }),
    runtime: object({ variant: choice(variants), threads: integer({ min: 1 }) }),
    /** The samples: what they are called, how many, and SHA-256 of pixels and labels. */
    data: object({ name: string(), samples: integer({ min: 1 }), hash: hash() }),
    /** The preset, or null for a list. */
    preset: nullable(string()),
    attacks: array(object({ name: string(), scope: choice(['all', 'left']), attack: unknown() })),
    /** Models that the attacks above name by an id of their runtime: SHA-256 of the state dict. */
    sources: array(object({ id: string(), weights: hash() })),
    seed: count(),
    /** Queries that a sample might ask at one epsilon, or null without a limit. */
    maxQueries: nullable(integer({ min: 1 }, 'a whole number', Number.MAX_SAFE_INTEGER)),
    /** When the evaluation began, as ISO 8601. */
    date: string(),
    /** Of all its parts; those of an evaluation that was resumed add up. */
    seconds: number({ min: 0 }),
  },
  'provenance',
);

const headFields = {
  /** Version of this form. */
  schema: integer({ min: reportVersion, max: reportVersion }),
  /** Of all its attacks. */
  norm: choice(norms),
  /** Radii in pixel units; in l0 numbers of values. */
  epsilons: some(number({ min: 0 })),
  /** True classes, by sample. */
  labels: some(count()),
  /** SHA-256 of the file with the adversarials, if one was written. */
  adversarials: optional(hash()),
  /** What it was made from and on. */
  provenance: provenanceSchema,
};

/** Of one model. */
export const robustnessReportSchema = object({ ...headFields, ...modelFields }, 'a report');

/** Of several models on the same samples. */
export const comparisonReportSchema = object(
  {
    ...headFields,
    /** In the order in which they were given. */
    models: some(object({ name: string(), ...modelFields }, 'a model of a report')),
    /** Each model with each that comes after it, at each epsilon, by attack and in the worst case. */
    pairs: array(pairSchema),
    /** What is to be said of the comparisons. */
    findings: array(findingSchema),
  },
  'a report',
);

/** Right answers among samples, with Wilson's 95 % interval. @interface */
export type Accuracy = Output<typeof accuracySchema>;
/** What a report says beside its figures. @interface */
export type Finding = Output<typeof findingSchema>;
/** Accuracy under one attack at one epsilon. @interface */
export type AttackReport = Output<typeof attackReportSchema>;
/** What is asked of a model whatever the attacks are. */
export type Probes = Output<typeof probesSchema>;
/** Accuracy by radius. @interface */
export type SecurityCurve = Output<typeof curveSchema>;
/** The least distances that all attacks found together, and each attack beside them. @interface */
export type Envelope = Output<typeof envelopeSchema>;
/** Two models on the same samples. @interface */
export type PairReport = Output<typeof pairSchema>;
/** What a report was made from and on. */
export type Provenance = Output<typeof provenanceSchema>;
/** What `evaluateRobustness` returns for one model. @interface */
export type RobustnessReport = Output<typeof robustnessReportSchema>;
/** What `evaluateRobustness` returns for a list of models. @interface */
export type ComparisonReport = Output<typeof comparisonReportSchema>;
/** One model of a report. */
export type ModelReport = ComparisonReport['models'][number];
