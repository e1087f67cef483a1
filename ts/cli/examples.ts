/** Example images for a report: what attacks made of some samples that the model had right. */
import type { AttackSpec } from '../attacks/table.js';
import type { Dataset, Model, Tensor } from '../index.js';
import type { Example, ModelResult } from '../report/result.js';

export interface ExampleOptions {
  /** Those to show, in this order, by the name that they have in the figures. */
  attacks: readonly { name: string; attack: AttackSpec }[];
  epsilon: number;
  /** How many of each attack. */
  each: number;
  seed: number;
  maxQueries?: number;
  signal: AbortSignal;
}

/**
 * The first images that were right and that each attack broke, a different one each time. Only these are attacked again:
 * what an attack makes of a sample does not depend on its neighbours.
 */
export async function pickExamples(
  model: Model,
  test: Dataset,
  { name, clean, attacks: reports }: Pick<ModelResult, 'name' | 'clean' | 'attacks'>,
  { attacks, epsilon, each, seed, maxQueries, signal }: ExampleOptions,
): Promise<Example[]> {
  const used = new Set<number>();
  const examples: Example[] = [];
  for (const { attack, name: attackName } of attacks) {
    const report = reports.find((entry) => entry.name === attackName && entry.epsilon === epsilon);
    const broken = (report?.predictions ?? [])
      // -1 where the attack was not given the sample.
      .map((after, sample) => (after >= 0 && after !== test.labels[sample] ? sample : -1))
      .filter((sample) => sample >= 0 && clean.predictions[sample] === test.labels[sample] && !used.has(sample))
      .slice(0, each);
    if (broken.length === 0) continue;
    const x = test.tensor(broken);
    const labels = broken.map((sample) => test.labels[sample]);
    const options = { x, labels, epsilons: [epsilon], seed, maxQueries, signal };
    const { clipped, predictions } = await model.attack(attack, options);
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
