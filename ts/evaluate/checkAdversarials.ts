/** Checks the file of adversarials beside a report: what is in it, and that each image does what the report says. */
import { platform } from '#platform';
import { balls } from '../attacks/core/norms.js';
import { tolerance } from '../attacks/core/observed.js';
import { DataError } from '../base/errors.js';
import type { Tensor } from '../base/tensor.js';
import type { Dataset } from '../data/dataset.js';
import { type AdversarialEntry, decodeAdversarials } from './adversarials.js';
import { classesOf, evaluations } from './asking.js';
import { reportModel } from './evaluable.js';
import { sha256 } from './hash.js';
import type { ComparisonReport, ModelReport, RobustnessReport } from './report.js';
import type { NamedSubject } from './robustness.js';

/** All that does not hold. */
export async function checkAdversarials(
  report: RobustnessReport | ComparisonReport,
  path: string | URL,
  subjects: readonly NamedSubject[],
  test: Dataset,
  signal?: AbortSignal,
): Promise<string[]> {
  const bytes = await platform.readFile(path);
  if (bytes === undefined) return [`adversarials: there is no file ${path}`];
  const problems: string[] = [];
  const hash = await sha256(bytes);
  if (hash !== report.adversarials) {
    problems.push(`adversarials: expected the hash of the file, ${hash}, got ${report.adversarials ?? 'none'}`);
  }
  let entries: ReturnType<typeof decodeAdversarials>;
  try {
    entries = decodeAdversarials(String(path), bytes);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return [...problems, `adversarials: ${error.message}`];
  }
  const models = 'models' in report ? report.models : [{ ...report, name: undefined }];
  for (const { entry } of entries) {
    const known = models.some(({ name }) => name === entry.model) && report.epsilons.includes(entry.epsilon);
    if (!known) problems.push(`adversarials['${entry.tensor}']: the report has no such model and epsilon`);
  }
  for (const [m, model] of models.entries()) {
    for (const epsilon of report.epsilons) {
      const found = entries.find(({ entry }) => entry.model === model.name && entry.epsilon === epsilon);
      const where = `adversarials[${JSON.stringify(model.name ?? 'model')}, ${epsilon}]`;
      problems.push(...deciding(model, report.labels, epsilon, found?.entry, where));
      if (found === undefined) continue;
      problems.push(...(await checkImages(found, report, model, subjects[m], test, where, signal)));
    }
  }
  return problems;
}

type Rows = Pick<ModelReport, 'attacks' | 'clean'>;

/** The first attack at this epsilon that broke a sample. */
function firstToBreak({ attacks }: Rows, epsilon: number, sample: number, label: number): number {
  return attacks.findIndex(
    ({ epsilon: own, predictions }) => own === epsilon && predictions[sample] >= 0 && predictions[sample] !== label,
  );
}

/** Whether the file has an image of every sample that the report calls broken, and of no other. */
function deciding(
  model: Rows,
  labels: readonly number[],
  epsilon: number,
  entry: AdversarialEntry | undefined,
  where: string,
): string[] {
  const broken = labels
    .map((_, i) => i)
    .filter((i) => model.clean.predictions[i] === labels[i] && firstToBreak(model, epsilon, i, labels[i]) >= 0);
  const there = new Set(entry?.samples);
  const needed = new Set(broken);
  return [
    ...broken.filter((i) => !there.has(i)).map((i) => `${where}: expected an image of sample ${i}, found none`),
    ...[...there].filter((i) => !needed.has(i)).map((i) => `${where}: no attack of the report broke sample ${i}`),
  ];
}

async function checkImages(
  { entry, images }: { entry: AdversarialEntry; images: Tensor },
  { labels, norm }: Pick<RobustnessReport, 'labels' | 'norm'>,
  model: Rows & Pick<ModelReport, 'probes'>,
  { model: subject }: NamedSubject,
  test: Dataset,
  where: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const problems: string[] = [];
  const inside = entry.samples.every((i) => i < labels.length && i < test.length);
  const size = images.data.length / Math.max(images.shape[0], 1);
  if (!inside || images.shape.slice(1).join() !== test.shape.join()) {
    return [`${where}: expected images ${test.shape.join('x')} of the report's samples, got ${images.shape.join('x')}`];
  }
  const { spec } = await subject[reportModel]();
  if (spec.input.join() !== test.shape.join()) {
    return [`${where}: expected a model of images ${test.shape.join('x')}, got one of ${spec.input.join('x')}`];
  }
  const predictions = await classesOf(subject, images, model.probes.repeated.differing > 0 ? evaluations : 1, signal);
  const originals = test.tensor(entry.samples).data;
  for (const [at, i] of entry.samples.entries()) {
    const image = images.data.subarray(at * size, (at + 1) * size);
    const [distance] = balls[norm].distances(image, originals.subarray(at * size, (at + 1) * size), size);
    if (!(distance <= entry.epsilon * (1 + tolerance) + tolerance)) {
      problems.push(`${where}, sample ${i}: it is ${distance} away, more than ${entry.epsilon}`);
    }
    if (!image.every((value) => value >= 0 && value <= 1))
      problems.push(`${where}, sample ${i}: a pixel is outside [0, 1]`);
    const row = model.attacks[firstToBreak(model, entry.epsilon, i, labels[i])];
    if (row === undefined) continue;
    if (row.name !== entry.attacks[at]) {
      problems.push(`${where}, sample ${i}: expected the work of '${row.name}', got that of '${entry.attacks[at]}'`);
    }
    if (predictions[at] !== row.predictions[i]) {
      problems.push(
        `${where}, sample ${i}: '${row.name}' is said to make it a ${row.predictions[i]}, the model answers ${predictions[at]}`,
      );
    }
  }
  return problems;
}
