/** What the reports draw: figures of an evaluation, as plain data. What is not known of it is left out and not drawn. */
import type { Accuracy, AttackReport, RobustnessReport } from '../evaluate/report.js';

/**
 * One attack at one strength on one model. The same attack has the same name on every model; attacks look at the
 * first `total` samples of the run.
 */
export interface DescribedAttack extends AttackReport {
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
  /** Accuracy on the untouched samples. */
  clean: Accuracy & { predictions: number[] };
  /** By epsilon, as text: a sample counts when no attack broke it. */
  worstCase: Record<string, Accuracy>;
  attacks: DescribedAttack[];
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
  /** When the run ended, as ISO 8601. */
  date?: string;
  seconds?: number;
  epsilons: number[];
  /** How many test images were attacked, from the first. */
  samples: number;
  /** True class of each test image, also of those that only the clean accuracy is measured on. */
  labels: number[];
  models: ModelResult[];
  examples?: Example[];
}

/** Reports of `evaluateRobustness` on the same samples, as one evaluation. */
export function evaluationOf(
  dataset: string,
  reports: readonly { name: string; report: RobustnessReport }[],
): Evaluation {
  const [{ report: first }] = reports;
  return {
    dataset,
    epsilons: [...new Set(first.attacks.map(({ epsilon }) => epsilon))],
    samples: first.labels.length,
    labels: first.labels,
    models: reports.map(({ name, report }) => ({ name, ...report })),
  };
}
