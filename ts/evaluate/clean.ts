/** What a model answers to samples as they are. */
import type { Tensor } from '../base/tensor.js';
import { argmax } from '../graph/predictions.js';
import { evaluations, logitsOf, majority } from './asking.js';
import type { Evaluable } from './evaluable.js';
import { probabilityRows } from './probes.js';
import type { Probes } from './report.js';

/** What a chunk answers as it is. */
export interface CleanPart {
  predictions: number[];
  probabilities: number;
}

/** The classes of samples, by the majority of so many answers. */
export async function askClean(model: Evaluable, x: Tensor, times: number, signal?: AbortSignal): Promise<CleanPart> {
  const { classes } = model;
  const logits = await logitsOf(model, x, signal);
  const answers = [argmax(logits, classes)];
  while (answers.length < times) answers.push(argmax(await logitsOf(model, x, signal), classes));
  return {
    predictions: Array.from(answers[0], (_, i) => majority(answers.map((answer) => answer[i]))),
    probabilities: probabilityRows(logits, classes),
  };
}

/** Asks the same samples twice; how often each has to be asked follows from that. */
export async function askAgain(model: Evaluable, x: Tensor, signal?: AbortSignal): Promise<Probes['repeated']> {
  const { classes } = model;
  const [samples] = x.shape;
  const first = await logitsOf(model, x, signal);
  const again = await logitsOf(model, x, signal);
  const differing = Array.from({ length: samples }, (_, i) =>
    first.subarray(i * classes, (i + 1) * classes).some((logit, j) => logit !== again[i * classes + j]),
  ).filter(Boolean).length;
  return { samples, differing, evaluations: differing > 0 ? evaluations : 1 };
}
