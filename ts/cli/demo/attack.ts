/** Attacks one model of the demo with everything, with progress, and keeps examples. */
import type { AttackSpec } from '../../attacks/index.js';
import type { AttackOptions, AttackResult } from '../../client/attack.js';
import type { Model } from '../../client/model.js';
import type { Dataset } from '../../data/dataset.js';
import { accuracyOf, type Evaluable, evaluateRobustness } from '../../evaluate/robustness.js';
import { duration, percent } from '../../report/format.js';
import type { Example, ModelResult } from '../../report/result.js';
import type { Progress } from '../progress.js';
import { type DemoAttack, EPSILONS } from './defaults.js';

/** What an attack on one model gave. */
interface Outcome extends Pick<AttackResult, 'clipped' | 'success' | 'predictions'> {
  attack: DemoAttack;
}

export interface AttackedModel {
  figures: Pick<ModelResult, 'clean' | 'worstCase' | 'attacks'>;
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

  const outcomes: Outcome[] = [];
  const watched: Evaluable = {
    predict: (x) => model.predict(x),
    attack: async (spec: AttackSpec, attackOptions: AttackOptions) => {
      const attack = attacks.find((candidate) => candidate.attack === spec) as DemoAttack;
      const task = progress.task(`${attack.name} on ${title}`);
      const onProgress: AttackOptions['onProgress'] = ({ epsilon, done }) => {
        const before = EPSILONS.indexOf(epsilon);
        task.update((before + done) / EPSILONS.length, `ε = ${epsilon}`);
      };
      const result = await model.attack(spec, { ...attackOptions, onProgress });
      outcomes.push({ attack, ...result });
      task.end(summary(result));
      return result;
    },
  };
  const report = await evaluateRobustness(watched, test, { epsilons: EPSILONS, attacks, samples, seed, signal });
  const described = report.attacks.map((entry) => {
    const { description, gradient } = attacks.find((attack) => attack.name === entry.name) as DemoAttack;
    return { ...entry, description, gradient };
  });
  return {
    figures: { clean, worstCase: report.worstCase, attacks: described },
    examples: pickExamples(name, test, predictions, outcomes),
  };
}

function summary({ epsilons, success, seconds }: AttackResult): string {
  const left = epsilons.map((epsilon, e) => {
    const survived = success[e].filter((broken) => !broken).length;
    return `${percent(survived / success[e].length)} right at ε = ${epsilon}`;
  });
  const total = seconds.reduce((sum, value) => sum + value, 0);
  return `${left.join(', ')}, ${duration(total)}`;
}

/** Attacks of which examples are shown, and how many of each: those that say most. */
const SHOWN = { attacks: ['PGD-40', 'estimated gradient'], epsilon: EPSILONS[0], each: 2 };

/** The first images that were right and that the attack broke, a different one each time. */
function pickExamples(model: string, test: Dataset, cleanPredictions: number[], outcomes: Outcome[]): Example[] {
  const used = new Set<number>();
  const at = EPSILONS.indexOf(SHOWN.epsilon);
  return outcomes
    .filter(({ attack }) => SHOWN.attacks.includes(attack.name))
    .flatMap(({ attack, clipped, success, predictions }) => {
      const broken = success[at]
        .map((succeeded, sample) => (succeeded && cleanPredictions[sample] === test.labels[sample] ? sample : -1))
        .filter((sample) => sample >= 0 && !used.has(sample))
        .slice(0, SHOWN.each);
      return broken.map((sample) => {
        used.add(sample);
        const { data } = clipped[at];
        const size = data.length / success[at].length;
        return {
          model,
          attack: attack.name,
          epsilon: SHOWN.epsilon,
          sample,
          label: test.labels[sample],
          cleanPrediction: cleanPredictions[sample],
          adversarialPrediction: predictions[at][sample],
          shape: test.shape,
          original: Array.from(test.tensor([sample]).data),
          adversarial: Array.from(data.subarray(sample * size, (sample + 1) * size)),
        };
      });
    });
}
