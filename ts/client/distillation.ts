/** Teaches a second model what a first one answers: a source of examples that transfer to it. */
import { checkKeys } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { parse } from '../base/schema.js';
import { describe } from '../base/tensor.js';
import { checkDataset, Dataset } from '../data/dataset.js';
import { type DistillFields, distillSchema, studentOf } from '../train/distill.js';
import type { FitEvent } from '../train/fit.js';
import { type Model, sibling } from './model.js';

/** Options of {@link distill}. */
export interface DistillOptions extends DistillFields {
  /** Stops the call, which then throws the reason of the signal. */
  signal?: AbortSignal;
  /** Events of the student's training. What it throws, or the promise that it returns rejects with, ends it. */
  onProgress?: (event: FitEvent) => unknown;
}

/** Images that the teacher labels at once. */
const together = 256;

/** See `distill` in distill.ts. */
export async function distill(model: Model, data: Dataset, options: DistillOptions = {}): Promise<Model> {
  if (typeof model?.[sibling] !== 'function') {
    throw new ConfigError(`model: expected a model of a runtime, got ${describe(model)}`);
  }
  checkDataset('data', data);
  checkKeys('distill', options, [...Object.keys(distillSchema.entries), 'signal', 'onProgress']);
  const { signal, onProgress, ...fields } = options;
  const { spec, ...training } = parse(distillSchema, fields, 'distill');
  signal?.throwIfAborted();
  const student = await model[sibling](spec ?? studentOf(model.spec), training.seed);
  try {
    const shapes = [student, model].map(({ input, classes }) => `input [${input.join(', ')}] and ${classes} classes`);
    if (shapes[0] !== shapes[1]) throw new ConfigError(`distill.spec: expected ${shapes[1]}, got ${shapes[0]}`);
    const labelled = await labelledBy(model, data, signal);
    const ending = new AbortController();
    const ends = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
    const run = student.fit(labelled, { ...training, signal: ends });
    try {
      for await (const event of run) await onProgress?.(event);
    } catch (error) {
      ending.abort(error);
      // Until then the student is in use.
      await run.then(
        () => {},
        () => {},
      );
      throw error;
    }
    return student;
  } catch (error) {
    await student.dispose();
    throw error;
  }
}

/** The same images with the classes that a model gives them. */
async function labelledBy(model: Model, data: Dataset, signal?: AbortSignal): Promise<Dataset> {
  const labels = new Int32Array(data.length);
  let done = 0;
  for (const { x } of data.batches(together)) {
    signal?.throwIfAborted();
    const answers = await model.predict(x);
    labels.set(answers, done);
    done += answers.length;
  }
  return new Dataset({ ...data.toPlain(), labels, classes: model.classes, classNames: undefined });
}
