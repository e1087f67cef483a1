/** Asks a model for classes and logits, chunk by chunk; one that answers the same samples differently, by majority. */
import { pick } from '../attacks/core/attack.js';
import type { Tensor } from '../base/tensor.js';
import { argmax } from '../graph/predictions.js';
import type { Evaluable } from './evaluable.js';

/** Samples asked at once: bounds memory. */
const together = 128;

/** How often a model is asked that does not answer alike; odd. */
export const evaluations = 9;

/** Logits `[n, classes]`. @throws the reason of the signal. */
export async function logitsOf(model: Evaluable, x: Tensor, signal?: AbortSignal): Promise<Float32Array> {
  const [n, ...shape] = x.shape;
  const size = x.data.length / n;
  const result = new Float32Array(n * model.classes);
  for (let from = 0; from < n; from += together) {
    signal?.throwIfAborted();
    const data = x.data.slice(from * size, (from + together) * size);
    const part = { shape: [data.length / size, ...shape], data };
    const { data: logits } = await untilAborted(model.logits(part), signal);
    result.set(logits, from * model.classes);
  }
  signal?.throwIfAborted();
  return result;
}

/** What `work` gives, unless the signal is aborted before: then its reason, at once. */
function untilAborted<T>(work: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (signal === undefined) return work;
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Classes of `n` samples: those that most of so many evaluations give, the lowest among equals. */
export async function classesOf(model: Evaluable, x: Tensor, times: number, signal?: AbortSignal): Promise<number[]> {
  const answers: Int32Array[] = [];
  for (let time = 0; time < times; time++) answers.push(argmax(await logitsOf(model, x, signal), model.classes));
  return Array.from({ length: x.shape[0] }, (_, i) => majority(answers.map((answer) => answer[i])));
}

/** The most frequent value, the lowest among equals. */
export function majority(values: readonly number[]): number {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  const most = Math.max(...counts.values());
  return Math.min(...[...counts].filter(([, count]) => count === most).map(([value]) => value));
}

/** Some samples of a tensor `[n, ...]`, copied. */
export function select({ shape: [n, ...shape], data }: Tensor, samples: readonly number[]): Tensor {
  return { shape: [samples.length, ...shape], data: pick(data, samples, data.length / n) };
}
