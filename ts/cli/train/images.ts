/** The images of a run: those trained on, those held out, those asked about in the end; and what a step is shown. */
import type { Dataset } from '../../index.js';
import { Batches } from '../../train/batches.js';
import type { TrainConfig } from '../../train/config.js';
import { first, readDataFolder } from '../dataFolder.js';
import { UsageError } from '../options.js';

export interface RunImages {
  train: Dataset;
  validation?: Dataset;
  test?: Dataset;
}

/** @throws {UsageError} when they are not there, or are too few. */
export async function readRunImages(config: TrainConfig): Promise<RunImages> {
  const { data, trainSamples, validation, seed } = config;
  const all = await readDataFolder({ data, split: 'train' });
  const own = trainSamples === undefined ? all : first('--train-samples', all, trainSamples);
  const test = config.test ? await readTest(data) : undefined;
  if (validation === undefined) return { train: own, test };
  const held = Math.round(validation * own.length);
  if (held < 1 || held >= own.length) {
    throw new UsageError(
      `--validation: expected a share that leaves images on both sides of ${own.length}, got ${validation}`,
    );
  }
  const mixed = own.shuffle(seed);
  return { train: mixed.slice(held), validation: mixed.slice(0, held), test };
}

async function readTest(data: string): Promise<Dataset> {
  try {
    return await readDataFolder({ data, split: 'test' });
  } catch (error) {
    if (error instanceof UsageError) throw new UsageError(`${error.message}; --no-test goes without test images`);
    throw error;
  }
}

/** Images of the first step that are shown, at most. */
const shown = 32;

/** The images of the first step as they are trained on, but for an attack. */
export function firstBatch(train: Dataset, { augment, batchSize, seed }: TrainConfig) {
  const { x, targets } = new Batches(train, { augment, batchSize: Math.min(batchSize, train.length), seed }).at(0);
  const size = train.shape.reduce((product, extent) => product * extent);
  const name = (label: number): string => train.classNames?.[label] ?? `class ${label}`;
  const pictures = Array.from(targets.labels.subarray(0, shown), (label, i) => {
    const mixed = targets.mixed?.labels[i];
    const caption = mixed === undefined || mixed === label ? name(label) : `${name(label)} with ${name(mixed)}`;
    return { caption, pixels: x.slice(i * size, (i + 1) * size) };
  });
  return { shape: train.shape, pictures };
}
