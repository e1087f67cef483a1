/** The images of the demo: Fashion-MNIST where it can be had, else drawn figures. */
import { DataError, type Dataset, datasets } from '../../index.js';
import { first } from '../dataFolder.js';
import { UsageError } from '../options.js';
import type { Progress, Task } from '../progress.js';
import { CLEAN_SAMPLES } from './defaults.js';

type FashionMnistOptions = Parameters<typeof datasets.fashionMnist>[0];

export interface DemoData {
  name: string;
  /** Why this dataset. */
  reason: string;
  train: Dataset;
  test: Dataset;
}

/** What the user asked for. */
export interface DataOptions {
  data?: string;
  synthetic?: boolean;
  trainSamples: number;
  samples: number;
}

// Images depend on these alone, so that --seed changes the training and not the data.
const FIGURES_SEED = { train: 1, test: 2 };

/**
 * Loads the first `trainSamples` training images, and test images for the attacks and the clean accuracy.
 *
 * @throws {UsageError} when `data` lacks the files, or the dataset has fewer images than asked for.
 */
export async function loadData(options: DataOptions, progress: Progress, signal: AbortSignal): Promise<DemoData> {
  if (options.synthetic) return drawFigures(options, 'asked for by --synthetic');
  let download: Task | undefined;
  const onProgress: FashionMnistOptions['onProgress'] = ({ file, receivedBytes, totalBytes }): void => {
    download ??= progress.task('Downloading Fashion-MNIST');
    download.update(totalBytes === undefined ? 0 : receivedBytes / totalBytes, file);
  };
  try {
    const where = { dir: options.data, download: options.data === undefined, signal, onProgress };
    const train = await datasets.fashionMnist({ ...where, split: 'train' });
    const test = await datasets.fashionMnist({ ...where, split: 'test' });
    return {
      name: 'Fashion-MNIST',
      reason: download ? 'downloaded now' : `found in ${options.data ?? 'KWTA_DATA or the cache folder'}`,
      train: first('--train-samples', train, options.trainSamples),
      test: first('--samples', test, Math.max(options.samples, Math.min(CLEAN_SAMPLES, test.length))),
    };
  } catch (error) {
    if (options.data !== undefined && error instanceof DataError) {
      throw new UsageError(`--data: ${error.message.replace(/^dir: /, '')}`);
    }
    // That it is nowhere to be had is told with its name; what is damaged, with that of the file.
    if (error instanceof DataError && error.message.startsWith('Fashion-MNIST: ')) {
      return drawFigures(options, `no ${error.message}`);
    }
    throw error;
  } finally {
    progress.clear();
  }
}

function drawFigures({ trainSamples, samples }: DataOptions, reason: string): DemoData {
  return {
    name: 'synthetic figures',
    reason,
    train: datasets.synthetic({ count: trainSamples, seed: FIGURES_SEED.train }),
    test: datasets.synthetic({ count: Math.max(samples, CLEAN_SAMPLES), seed: FIGURES_SEED.test }),
  };
}
