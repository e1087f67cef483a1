/** Attacks one model of the demo with everything, with progress, and keeps examples. */
import { accuracyOf, type Dataset, evaluateRobustness, type Model } from '../../index.js';
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

/** Attacks the first `samples` images of `test`; all of them count for the clean accuracy. */
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
  const all = [...attacks, CASCADE];
  const how = { epsilons: EPSILONS, attacks: all, samples, seed, maxQueries: CASCADE_QUERIES, signal };
  const report = await evaluateRobustness(model, test, { ...how, onProgress: watch.report });
  watch.end();
  const described = report.attacks.map((entry) => {
    const { description } = all.find((attack) => attack.name === entry.name) as DemoAttack;
    return { ...entry, description };
  });
  const shown = attacks.filter((attack) => SHOWN.attacks.includes(attack.name));
  const { weights, worstCase, findings } = report;
  const figures = { clean, weights, worstCase, attacks: described, findings };
  return {
    figures,
    examples: await pickExamples(model, test, { name, ...figures }, { ...SHOWN, attacks: shown, seed, signal }),
  };
}

/** Attacks of which examples are shown, and how many of each: those that say most. */
const SHOWN = { attacks: ['PGD-40', 'estimated gradient'], epsilon: EPSILONS[0], each: 2 };
