/** Attacks one model of the demo with everything, with progress, and keeps examples. */
import {
  accuracyOf,
  type Dataset,
  type EvaluationProgress,
  evaluateRobustness,
  type Model,
  type RobustnessReport,
  type Tensor,
} from '../../index.js';
import { duration, percent } from '../../report/format.js';
import type { Example } from '../../report/result.js';
import type { Progress, Task } from '../progress.js';
import { type DemoAttack, EPSILONS } from './defaults.js';
import type { DemoModel } from './result.js';

export interface AttackedModel {
  figures: Pick<DemoModel, 'clean' | 'worstCase' | 'attacks'>;
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

  const report = await evaluateRobustness(model, test, {
    epsilons: EPSILONS,
    attacks,
    samples,
    seed,
    signal,
    onProgress: watch(title, progress),
  });
  const described = report.attacks.map((entry) => {
    const { description } = attacks.find((attack) => attack.name === entry.name) as DemoAttack;
    return { ...entry, description };
  });
  return {
    figures: { clean, worstCase: report.worstCase, attacks: described },
    examples: await pickExamples(model, test, { name, seed, attacks, signal }, report),
  };
}

/** Shows each attack's progress, and what it left. */
function watch(title: string, progress: Progress): (event: EvaluationProgress) => void {
  let task: Task | undefined;
  let left: string[] = [];
  let started = performance.now();
  return ({ name, epsilon, done, accuracy }) => {
    if (task === undefined) started = performance.now();
    task ??= progress.task(`${name} on ${title}`);
    if (accuracy === undefined) {
      task.update((EPSILONS.indexOf(epsilon) + done) / EPSILONS.length, `ε = ${epsilon}`);
      return;
    }
    left.push(`${percent(accuracy)} right at ε = ${epsilon}`);
    if (left.length < EPSILONS.length) return;
    task.end(`${left.join(', ')}, ${duration((performance.now() - started) / 1000)}`);
    task = undefined;
    left = [];
  };
}

/** Attacks of which examples are shown, and how many of each: those that say most. */
const SHOWN = { attacks: ['PGD-40', 'estimated gradient'], epsilon: EPSILONS[0], each: 2 };

/**
 * The first images that were right and that the attack broke, a different one each time. Only these are attacked again:
 * what an attack makes of a sample does not depend on its neighbours.
 */
async function pickExamples(
  model: Model,
  test: Dataset,
  { name, seed, attacks, signal }: { name: string; seed: number; attacks: DemoAttack[]; signal: AbortSignal },
  { clean, attacks: reports }: RobustnessReport,
): Promise<Example[]> {
  const { epsilon } = SHOWN;
  const used = new Set<number>();
  const examples: Example[] = [];
  for (const { attack, name: attackName } of attacks.filter((candidate) => SHOWN.attacks.includes(candidate.name))) {
    const report = reports.find((entry) => entry.name === attackName && entry.epsilon === epsilon);
    const broken = report?.survived
      .map((alive, sample) => (!alive && clean.predictions[sample] === test.labels[sample] ? sample : -1))
      .filter((sample) => sample >= 0 && !used.has(sample))
      .slice(0, SHOWN.each);
    if (broken === undefined || broken.length === 0) continue;
    const x = test.tensor(broken);
    const labels = broken.map((sample) => test.labels[sample]);
    const { clipped, predictions } = await model.attack(attack, { x, labels, epsilons: [epsilon], seed, signal });
    const size = x.data.length / broken.length;
    const image = ({ data }: Tensor, i: number): number[] => Array.from(data.subarray(i * size, (i + 1) * size));
    for (const [i, sample] of broken.entries()) {
      used.add(sample);
      examples.push({
        model: name,
        attack: attackName,
        epsilon,
        sample,
        label: labels[i],
        cleanPrediction: clean.predictions[sample],
        adversarialPrediction: predictions[0][i],
        shape: test.shape,
        original: image(x, i),
        adversarial: image(clipped[0], i),
      });
    }
  }
  return examples;
}
