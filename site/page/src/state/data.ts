/** The images in use, from a worker of the page's own. */
import { signal } from '@preact/signals';
import { type Remote, wrap } from 'comlink';
import { Dataset } from 'kwta';
import type { DataCalls } from './dataWorker.js';

export interface Split {
  train: Dataset;
  test: Dataset;
}

/** A whole set of images. */
export type SplitRequest =
  | { kind: 'figures'; count: number }
  /** Files handed in, or else those that are kept, or published if a download is wished. */
  | { kind: 'fashion'; count: number; download: boolean; files: readonly File[] }
  | { kind: 'own'; files: readonly { file: File; folder: string }[] };

let remote: Remote<DataCalls> | undefined;

function calls(): Remote<DataCalls> {
  remote ??= wrap<DataCalls>(new Worker(new URL('./dataWorker.ts', import.meta.url), { type: 'module' }));
  return remote;
}

/** The images that are loaded; nothing until there are some. */
export const split = signal<Split | undefined>(undefined);

/** @throws {Error} saying what is wrong with the files. */
export async function loadSplit(request: SplitRequest): Promise<Split> {
  const { train, test } = await calls().load(request);
  return { train: Dataset.fromPlain(train), test: Dataset.fromPlain(test) };
}

/** One image, grey and in the page's size. @throws {Error} when it is none. */
export function loadImage(file: Blob): Promise<Float32Array> {
  return calls().decode(file);
}

/** What a class is called. */
export function className(label: number): string {
  return split.value?.test.classNames?.[label] ?? `class ${label}`;
}
