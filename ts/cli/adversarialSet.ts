/** Adversarial images that `kwta evaluate --adversarials` wrote, as an archive of NumPy or a folder of pictures. */
import { dirname, join } from 'node:path';
import { type AdversarialEntry, decodeAdversarials, isAdversarialFile, picturePath } from '../evaluate/adversarials.js';
import { DataError, type Tensor } from '../index.js';
import { encodeNpz } from '../io/npz.js';
import { platform } from '../platform/node.js';
import { encodePng } from '../report/png.js';
import { UsageError } from './options.js';
import { writeBytes } from './output.js';

/** Images of one model at one radius, with the labels of a report where one was given. */
interface AdversarialSet {
  entry: AdversarialEntry;
  images: Tensor;
  labels?: number[];
}

/** Whether a file is one of these: a start of safetensors with their key in the header. */
export async function holdsAdversarials(path: string): Promise<boolean> {
  const read = await platform.readParts(path, [{ from: 0, length: 2 ** 16 }]);
  return read !== undefined && isAdversarialFile(read.parts[0]);
}

/** @throws {UsageError} */
export async function readAdversarialSets(path: string, report: string | undefined): Promise<AdversarialSet[]> {
  const bytes = await platform.readFile(path);
  if (bytes === undefined) throw new UsageError(`in: there is no file ${path}`);
  const known = report === undefined ? undefined : await labelsOf(report);
  try {
    return decodeAdversarials(path, bytes).map((each) => {
      const labels = known && each.entry.samples.map((sample) => known[sample]);
      if (labels?.includes(undefined as unknown as number)) {
        throw new UsageError(`--report: expected the report that ${path} was written with: it has other samples`);
      }
      return { ...each, labels };
    });
  } catch (error) {
    throw error instanceof DataError ? new UsageError(error.message) : error;
  }
}

async function labelsOf(path: string): Promise<number[]> {
  const bytes = await platform.readFile(path);
  let labels: unknown;
  try {
    labels = (JSON.parse(new TextDecoder().decode(bytes)) as { labels?: unknown }).labels;
  } catch {
    // Told below.
  }
  if (!Array.isArray(labels) || !labels.every(Number.isInteger)) {
    throw new UsageError(`--report: expected a report of kwta evaluate with its labels, got ${path}`);
  }
  return labels as number[];
}

/** Arrays `images_0.1`, `samples_0.1` and `labels_0.1` for each radius; with several models their names stand before. */
export function adversarialNpz(sets: readonly AdversarialSet[]): Promise<Uint8Array> {
  const list = (values: readonly number[]): Tensor => ({ shape: [values.length], data: Float32Array.from(values) });
  const arrays = sets.flatMap(({ entry: { model, epsilon, samples }, images, labels }): [string, Tensor][] => {
    const name = (what: string): string => [...(model === undefined ? [] : [model]), what, String(epsilon)].join('_');
    return [
      [name('images'), images],
      [name('samples'), list(samples)],
      ...(labels === undefined ? [] : [[name('labels'), list(labels)] as [string, Tensor]]),
    ];
  });
  return encodeNpz('convert', Object.fromEntries(arrays));
}

/**
 * Writes pictures that `datasets.imageFolder` reads for each radius, where {@link picturePath} says. They have 256 levels: an
 * adversarial may be none any more.
 *
 * @returns how many.
 */
export async function writePictures(folder: string, sets: readonly AdversarialSet[]): Promise<number> {
  let count = 0;
  for (const { entry, images, labels } of sets) {
    const [, c, h, w] = images.shape;
    if (c !== 1 && c !== 3) throw new UsageError(`out: expected images of 1 or 3 channels for pictures, got ${c}`);
    for (const i of entry.samples.keys()) {
      const path = join(folder, picturePath(entry, i, labels?.[i]));
      await platform.makeFolder(dirname(path));
      const size = c * h * w;
      await writeBytes(path, encodePng([c, h, w], images.data.subarray(i * size, (i + 1) * size)));
      count++;
    }
  }
  return count;
}
