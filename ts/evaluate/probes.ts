/** What is asked of every model whatever the attacks are: questions whose answers tell a model that only looks robust. */
import { pgd } from '../attacks/index.js';
import { DivergedError } from '../base/errors.js';
import { Random, STREAMS } from '../base/random.js';
import type { Tensor } from '../base/tensor.js';
import { logitsOf, select } from './asking.js';
import { type Evaluable, reportAttack } from './evaluable.js';
import type { Probes } from './report.js';

/** Neighbours of a sample, as far from it as a small attack goes; and samples that are looked at. */
const neighbours = 100;
const radius = 8 / 255 / 2;
const surveyed = 16;

/** Samples that are attacked in the whole box, and how. */
const unbounded = 64;
const strongest = () => pgd({ norm: 'linf', steps: 40, restarts: 3, earlyStop: true, loss: 'margin' });

/** How many rows of logits are probabilities. */
export function probabilityRows(logits: Float32Array, classes: number): number {
  let rows = 0;
  for (let from = 0; from < logits.length; from += classes) {
    const row = logits.subarray(from, from + classes);
    const sum = row.reduce((total, value) => total + value, 0);
    rows += Number(Math.abs(sum - 1) < 1e-3 && row.every((value) => value >= 0 && value <= 1));
  }
  return rows;
}

/** Samples of an evaluation that the model has right: the first of them are probed. */
export interface Right {
  x: Tensor;
  labels: readonly number[];
}

/** How many samples the probes want at most. */
export const probed = Math.max(surveyed, unbounded);

/**
 * How well the gradient tells the margin of neighbours: by sample, the sum of squares of what differs from the linear
 * picture, over that of the margin's changes. 0 for a model that is linear there; 1 when the gradient says nothing.
 */
export async function surveyNeighbours(
  model: Evaluable,
  { x, labels }: Right,
  seed: number,
  signal?: AbortSignal,
): Promise<Probes['neighbours']> {
  const unexplained: number[] = [];
  const found = { radius, neighbours, unexplained };
  for (let i = 0; i < Math.min(surveyed, labels.length); i++) {
    const point = select(x, [i]);
    const slope = await gradientAt(model, point, labels[i]);
    if (slope === undefined) return found;
    const random = new Random(seed, STREAMS.neighbours + i);
    const size = point.data.length;
    const around = new Float32Array(neighbours * size);
    for (let at = 0; at < around.length; at++) {
      const moved = point.data[at % size] + radius * (2 * random.uniform() - 1);
      around[at] = Math.min(Math.max(moved, 0), 1);
    }
    const shape = [neighbours, ...point.shape.slice(1)];
    const logits = await logitsOf(model, { shape, data: around }, signal);
    let changes = 0;
    let residuals = 0;
    for (let n = 0; n < neighbours; n++) {
      const change = marginOf(logits.subarray(n * model.classes, (n + 1) * model.classes), labels[i]) - slope.margin;
      let linear = 0;
      for (let p = 0; p < size; p++) linear += slope.gradient[p] * (around[n * size + p] - point.data[p]);
      changes += change * change;
      residuals += (change - linear) ** 2;
    }
    unexplained.push(changes === 0 ? 0 : residuals / changes);
  }
  return found;
}

/** The margin and its gradient, or nothing when they are no numbers. */
async function gradientAt(model: Evaluable, x: Tensor, label: number) {
  try {
    const { loss, gradient } = await model.inputGradient(x, [label], { loss: 'margin' });
    const numbers = gradient.data.every(Number.isFinite) && Number.isFinite(loss[0]);
    return numbers ? { margin: loss[0], gradient: gradient.data } : undefined;
  } catch (error) {
    if (error instanceof DivergedError) return undefined;
    throw error;
  }
}

function marginOf(logits: Float32Array, label: number): number {
  return logits.reduce((most, logit, j) => (j === label ? most : Math.max(most, logit)), -Infinity) - logits[label];
}

/** What PGD leaves when every pixel may become anything: nothing, unless its gradient is of no use. */
export async function attackUnbounded(
  model: Evaluable,
  right: Right,
  seed: number,
  signal?: AbortSignal,
): Promise<Probes['wholeBox']> {
  const samples = Math.min(unbounded, right.labels.length);
  if (samples === 0) return { samples, left: 0, queries: 0 };
  const x = select(
    right.x,
    Array.from({ length: samples }, (_, i) => i),
  );
  const labels = right.labels.slice(0, samples);
  const options = { x, labels, epsilons: [1], clean: Int32Array.from(labels), seed, signal };
  try {
    const [{ success, queries }] = await model[reportAttack](strongest(), options);
    const left = success.filter((broken) => !broken).length;
    return { samples, left, queries: queries.forward + queries.backward };
  } catch (error) {
    if (error instanceof DivergedError) return { samples, left: samples, queries: 0 };
    throw error;
  }
}
