/** Attacks one model of the demo with everything, with progress, and keeps examples. */
import {
  type Accuracy,
  type AttackReport,
  accuracyOf,
  type Dataset,
  evaluateRobustness,
  type Finding,
  type Model,
  type RobustnessReport,
} from '../../index.js';
import type { Example } from '../../report/result.js';
import { EvaluationWatch } from '../evaluationProgress.js';
import { pickExamples } from '../examples.js';
import type { Progress } from '../progress.js';
import { CASCADE, CASCADE_QUERIES, type DemoAttack, EPSILONS } from './defaults.js';
import type { DemoModel } from './result.js';

export interface AttackedModel {
  figures: Pick<DemoModel, 'weights' | 'clean' | 'worstCase' | 'attacks' | 'findings'>;
  examples: Example[];
}

/**
 * Attacks the first `samples` images of `test`; all of them count for the clean accuracy. The cascade gets what the
 * attacks before it left at the first radius alone: it asks the model far more often than they do.
 */
export async function attackModel(
  model: Model,
  test: Dataset,
  options: { name: string; title: string; attacks: DemoAttack[]; samples: number; seed: number; signal: AbortSignal },
  progress: Progress,
): Promise<AttackedModel> {
  const { name, title, attacks, samples, seed, signal } = options;
  const predictions = Array.from(await model.predict(test.tensor()));
  const correct = predictions.filter((prediction, i) => prediction === test.labels[i]).length;
  const clean = { ...accuracyOf(correct, test.length), predictions };

  const watch = new EvaluationWatch(progress, title);
  const [first, ...others] = EPSILONS;
  const all = [...attacks, CASCADE];
  const parts: RobustnessReport[] = [];
  for (const [epsilons, given] of [[[first], all] as const, [others, attacks] as const]) {
    const how = { epsilons: [...epsilons], attacks: [...given], samples, seed, signal, onProgress: watch.report };
    const maxQueries = given.includes(CASCADE) ? CASCADE_QUERIES : undefined;
    parts.push(await evaluateRobustness(model, test, { ...how, maxQueries }));
    watch.end();
  }
  const described = parts
    .flatMap((report) => report.attacks)
    .map((entry) => {
      const { description } = all.find((attack) => attack.name === entry.name) as DemoAttack;
      return { ...entry, description };
    });
  const shown = attacks.filter((attack) => SHOWN.attacks.includes(attack.name));
  const figures = {
    clean,
    weights: parts[0].weights,
    worstCase: Object.fromEntries(EPSILONS.map((epsilon) => [epsilon, worstCaseAt(epsilon, described, parts[0])])),
    attacks: described,
    findings: once(parts.flatMap(({ findings }) => findings)),
  };
  return {
    figures,
    examples: await pickExamples(model, test, { name, ...figures }, { ...SHOWN, attacks: shown, seed, signal }),
  };
}

/** Samples that nothing broke at this radius or a smaller one, whose ball lies inside. */
function worstCaseAt(epsilon: number, attacks: readonly AttackReport[], { labels, clean }: RobustnessReport): Accuracy {
  const within = attacks.filter((attack) => attack.epsilon <= epsilon);
  const right = labels.filter(
    (label, i) => clean.predictions[i] === label && within.every(({ survived }) => survived[i]),
  );
  return accuracyOf(right.length, labels.length);
}

/** What is found whatever the radius is found in both parts. */
function once(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.map((finding) => [finding.message, finding])).values()];
}

/** Attacks of which examples are shown, and how many of each: those that say most. */
const SHOWN = { attacks: ['PGD-40', 'estimated gradient'], epsilon: EPSILONS[0], each: 2 };
