/** The images in use, from a worker of the page's own. */
import { signal } from '@preact/signals';
import { Dataset } from 'kwta';

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

/** To the worker. */
export type DataRequest = SplitRequest | { kind: 'image'; file: Blob };

type Plain = ReturnType<Dataset['toPlain']>;

/** From the worker. */
export type DataReply = { id: number } & ({ train: Plain; test: Plain } | { pixels: Float32Array } | { error: string });

let worker: Worker | undefined;
let asked = 0;
const waiting = new Map<number, (reply: DataReply) => void>();

function ask(request: DataRequest): Promise<DataReply> {
  if (worker === undefined) {
    worker = new Worker(new URL('./dataWorker.ts', import.meta.url), { type: 'module' });
    worker.addEventListener('message', ({ data }: MessageEvent<DataReply>) => {
      waiting.get(data.id)?.(data);
      waiting.delete(data.id);
    });
  }
  const id = asked++;
  worker.postMessage({ id, request });
  return new Promise((resolve) => waiting.set(id, resolve));
}

/** The images that are loaded; nothing until there are some. */
export const split = signal<Split | undefined>(undefined);

/** @throws {Error} saying what is wrong with the files. */
export async function loadSplit(request: SplitRequest): Promise<Split> {
  const reply = await ask(request);
  if ('error' in reply) throw new Error(reply.error);
  if (!('train' in reply)) throw new TypeError('the worker answered another question');
  return { train: Dataset.fromPlain(reply.train), test: Dataset.fromPlain(reply.test) };
}

/** One image, grey and in the page's size. @throws {Error} when it is none. */
export async function loadImage(file: Blob): Promise<Float32Array> {
  const reply = await ask({ kind: 'image', file });
  if ('error' in reply) throw new Error(reply.error);
  if (!('pixels' in reply)) throw new TypeError('the worker answered another question');
  return reply.pixels;
}

/** What a class is called. */
export function className(label: number): string {
  return split.value?.test.classNames?.[label] ?? `class ${label}`;
}
