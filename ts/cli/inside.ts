/** What `kwta analyse` shows, and the page of `kwta evaluate` if asked: models looked into, one after another. */
import {
  analysis,
  attacks,
  type Dataset,
  type Model,
  type PatternChange,
  type Runtime,
  type Tensor,
  tensor,
} from '../index.js';
import type { AnalysedModel, Analysis } from '../report/analysis.js';
import type { Trace } from '../report/analysisCharts.js';
import { duration } from '../report/format.js';
import type { LoadedModel } from './models.js';
import { UsageError } from './options.js';
import type { Progress, Task } from './progress.js';
import { versions } from './version.js';

/** Steps of the attack whose images are looked at. */
const attackSteps = 40;
/** Points of the curve of a logit. */
const tracePoints = 401;

/** How models are looked into. */
export interface InsideOptions {
  /** Radius of the attack and of the planes, L-inf. */
  epsilon: number;
  /** Segments between neighbouring images. */
  segments: number;
  /** Changes to follow along each segment. */
  maxEvents: number;
  /** Points along either side of a plane. */
  resolution: number;
  seed: number;
}

/** Options that nobody was asked for. */
export const usualInside = { segments: 4, maxEvents: 2000, resolution: 41 };

/** Looks into models. @throws {UsageError} when there are too few images. */
export async function lookInside(
  runtime: Runtime,
  models: readonly LoadedModel[],
  test: Dataset,
  options: InsideOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Analysis> {
  const started = performance.now();
  const date = new Date().toISOString();
  if (test.length < 2) throw new UsageError(`--samples: expected 2 images or more, got ${test.length}`);
  const { epsilon, segments, seed } = options;
  const attacked: Tensor[] = [];
  for (const { name, model } of models)
    attacked.push(await attackedBy(name, model, test, epsilon, seed, progress, signal));
  const shown = firstMoved(test, attacked);
  const analysed: AnalysedModel[] = [];
  for (const [i, loaded] of models.entries()) {
    const task = progress.task(loaded.name);
    const begun = performance.now();
    const chosen = { ...options, attacked: attacked[i], shown };
    analysed.push(await lookInto(loaded, test, chosen, task, signal));
    task.end(`done in ${duration((performance.now() - begun) / 1000)}`);
  }
  const { variant, threads: used } = runtime.info;
  return {
    schema: 1,
    dataset: test.name,
    samples: test.length,
    segments: Math.min(segments, test.length - 1),
    shown,
    label: nameOf(test, test.labels[shown]),
    epsilon,
    seed,
    models: analysed,
    versions: versions(),
    runtime: { variant, threads: used },
    date,
    seconds: (performance.now() - started) / 1000,
  };
}

/** What PGD makes of the images. */
async function attackedBy(
  name: string,
  model: Model,
  test: Dataset,
  epsilon: number,
  seed: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<Tensor> {
  const task = progress.task(`${name}, attack`);
  const onProgress = ({ done }: { done: number }): void => task.update(done);
  const attack = attacks.pgd({ steps: attackSteps });
  const options = { x: test.tensor(), labels: test.labels, epsilons: [epsilon], seed, signal, onProgress };
  const { clipped } = await model.attack(attack, options);
  return clipped[0];
}

/**
 * The first image that every attack moved: those that are taken for another class as they are stay where they are.
 *
 * @throws {UsageError} when there is none.
 */
function firstMoved(test: Dataset, attacked: readonly Tensor[]): number {
  const { data } = test.tensor();
  const size = data.length / test.length;
  const moved = (to: Tensor, s: number): boolean =>
    to.data.subarray(s * size, (s + 1) * size).some((pixel, i) => pixel !== data[s * size + i]);
  for (let s = 0; s < test.length; s++) if (attacked.every((to) => moved(to, s))) return s;
  throw new UsageError('--samples: expected an image that every model classifies as labelled, got none');
}

/** What is shown of one model. */
interface Chosen {
  /** The images as attacked on this model. */
  attacked: Tensor;
  /** Number of the image that jumps and planes are shown of. */
  shown: number;
}

/** Everything about one model. */
async function lookInto(
  { name, model }: LoadedModel,
  test: Dataset,
  { segments, maxEvents, resolution, seed, epsilon, attacked, shown }: InsideOptions & Chosen,
  task: Task,
  signal: AbortSignal,
): Promise<AnalysedModel> {
  const x = test.tensor();
  const label = test.labels[shown];
  let part = 0;
  /** Options of the next part, which takes about this share of the time. */
  const watched = (what: string, share: number) => {
    const before = part;
    part += share;
    return { signal, onProgress: ({ done }: { done: number }) => task.update(before + share * done, what) };
  };
  const [from, to] = [sampleAt(x, shown), sampleAt(attacked, shown)];
  const jumps = await analysis.jumps(model, { from, to, maxEvents, ...watched('jumps', 0.2) });
  const count = Math.min(segments, test.length - 1);
  const regions = await analysis.linearRegions(model, {
    from: samplesOf(x, 0, count),
    to: samplesOf(x, 1, count),
    maxEvents,
    ...watched('linear regions', 0.65),
  });
  const change = { ...x, data: x.data.map((pixel, i) => attacked.data[i] - pixel) };
  const adversarial = await analysis.patternChange(model, { x, direction: change, ...watched('patterns', 0.05) });
  const sigma = noiseAsLong(adversarial, from.data.length);
  const noise = await analysis.patternChange(model, { x, sigma, seed, ...watched('patterns', 0.05) });
  const plane = { x: from, label, extent: epsilon, resolution, seed, ...watched('loss', 0.05) };
  const landscape = await analysis.landscape(model, plane);
  const trace = await logitAlong(model, from, to, label);
  return { name, jumps, trace, regions, noise, adversarial, landscape };
}

/** Deviation of noise that is on average as long as the way to the attacked images. */
function noiseAsLong({ distances: { l2 } }: PatternChange, pixels: number): number {
  const [length] = l2.slice(-1);
  // An attack that left every image where it was leaves nothing to compare with.
  return length > 0 ? length / Math.sqrt(pixels) : 0.01;
}

async function logitAlong(model: Model, from: Tensor, to: Tensor, label: number): Promise<Trace> {
  const t = Array.from({ length: tracePoints }, (_, i) => i / (tracePoints - 1));
  const points = new Float32Array(t.length * from.data.length);
  for (const [s, at] of t.entries()) {
    for (const [i, pixel] of from.data.entries()) points[s * from.data.length + i] = pixel + at * (to.data[i] - pixel);
  }
  const { data } = await model.logits(tensor(points, [t.length, ...from.shape]));
  return { t, logits: t.map((_, s) => data[s * model.classes + label]) };
}

function samplesOf({ shape: [, ...shape], data }: Tensor, first: number, count: number): Tensor {
  const size = data.length === 0 ? 0 : shape.reduce((product, extent) => product * extent, 1);
  return tensor(data.slice(first * size, (first + count) * size), [count, ...shape]);
}

function sampleAt(x: Tensor, index: number): Tensor {
  const { shape, data } = samplesOf(x, index, 1);
  return tensor(data, shape.slice(1));
}

function nameOf({ classNames }: Dataset, label: number): string {
  return classNames?.[label] ?? `class ${label}`;
}
