/** What the reports draw: figures of an evaluation, as plain data. What is not known of it is left out and not drawn. */
import type {
  Accuracy,
  AttackReport,
  ComparisonReport,
  Envelope,
  Finding,
  ModelReport,
  PairReport,
  RobustnessReport,
  SecurityCurve,
} from '../evaluate/report.js';
import type { TransferMatrix } from '../evaluate/transferMatrix.js';
import type { Analysis } from './analysis.js';

/** What is known of every attack. */
type Known =
  | keyof Accuracy
  | 'name'
  | 'epsilon'
  | 'gradient'
  | 'queries'
  | 'seconds'
  | 'warnings'
  | 'findings'
  | 'survived'
  | 'predictions';

/**
 * One attack at one strength on one model. The same attack has the same name on every model; attacks look at the
 * first `total` samples of the run.
 */
export interface DescribedAttack extends Pick<AttackReport, Known>, Partial<Omit<AttackReport, Known>> {
  /** What the attack does, in one sentence. */
  description?: string;
}

/** A point on the training curves. */
export interface HistoryPoint {
  /** Epochs done, with fraction. */
  epoch: number;
  /** Mean loss and accuracy on the training images (attacked ones in adversarial training) since the last point. */
  loss: number;
  accuracy: number;
}

/** One model and how it fared. */
export interface ModelResult {
  name: string;
  /** The share of winners; `null` when the activation is not k-WTA. */
  gamma?: number | null;
  parameters?: number;
  trainSeconds?: number;
  history?: HistoryPoint[];
  /** SHA-256 of its weights. */
  weights?: string;
  /** Accuracy on the untouched samples. */
  clean: Accuracy & { predictions: number[] };
  /** By epsilon, as text: a sample counts when no attack broke it. */
  worstCase: Record<string, Accuracy>;
  attacks: DescribedAttack[];
  curve?: SecurityCurve;
  envelope?: Envelope;
  /** What was judged of it; without them, the words of the report rest on its figures alone. */
  findings?: Finding[];
}

/** An image and what an attack made of it; `[C, H, W]` pixels in [0, 1]. */
export interface Example {
  model: string;
  attack: string;
  epsilon: number;
  /** Which of the run's samples. */
  sample: number;
  label: number;
  /** The classes the model sees before and after. */
  cleanPrediction: number;
  adversarialPrediction: number;
  shape: [number, number, number];
  original: number[];
  adversarial: number[];
}

/** An evaluation of one or several models on the same samples. */
export interface Evaluation {
  /** The dataset's name. */
  dataset: string;
  /** Why this dataset, in words. */
  datasetReason?: string;
  classNames?: string[];
  trainImages?: number;
  epochs?: number;
  /** How the models were trained, in words: `adversarial (PGD-4, ε = 0.1)`. */
  regime?: string;
  seed?: number;
  runtime?: { variant: string; threads: number };
  versions?: { kwta: string; platform: string };
  /** When the run began or ended, as ISO 8601. */
  date?: string;
  seconds?: number;
  norm?: AttackNorm;
  /** Of the attacks: a preset's name, or null for a list. */
  preset?: string | null;
  /** Queries that a sample might ask at one epsilon, or null without a limit. */
  maxQueries?: number | null;
  /** SHA-256 of pixels and labels. */
  dataHash?: string;
  epsilons: number[];
  /** How many test images were attacked, from the first. */
  samples: number;
  /** True class of each test image, also of those that only the clean accuracy is measured on. */
  labels: number[];
  models: ModelResult[];
  /** Each model with each that comes after it. */
  pairs?: PairReport[];
  /** What was judged of the comparisons. */
  findings?: Finding[];
  transfer?: TransferMatrix;
  /** What happens inside the models. */
  inside?: Analysis;
  examples?: Example[];
}

type AttackNorm = RobustnessReport['norm'];

/** What a report does not say of itself. */
export interface Beside {
  /** What to call the one model of a report of one. */
  name: string;
  classNames?: string[];
  transfer?: TransferMatrix;
  examples?: Example[];
}

/** A report of `evaluateRobustness`, as it is drawn. */
export function evaluationOf(report: RobustnessReport | ComparisonReport, { name, ...beside }: Beside): Evaluation {
  const { norm, epsilons, labels, provenance } = report;
  const { versions, runtime, data, preset, maxQueries, seed, date, seconds } = provenance;
  const several = 'models' in report;
  return {
    dataset: data.name,
    dataHash: data.hash,
    samples: data.samples,
    ...{ norm, epsilons, labels, versions, runtime, preset, maxQueries, seed, date, seconds },
    models: several ? report.models.map(modelOf) : [modelOf({ name, ...report })],
    ...(several && { pairs: report.pairs, findings: report.findings }),
    ...beside,
  };
}

function modelOf(model: ModelReport): ModelResult {
  const { name, parameters, weights, clean, worstCase, attacks, envelope, curve, findings } = model;
  return { name, parameters, weights, clean, worstCase, attacks, envelope, curve, findings };
}
