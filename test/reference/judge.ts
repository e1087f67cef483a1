/**
 * What a network must compute, and how exactly. k-WTA, max pooling and ReLU are discontinuous: two programs
 * that add in another order may choose another winner, and neither is wrong. So the reference runs several
 * times, with every term of every sum moved by more than float32 rounds; a network for which that changes a
 * choice is left out, and otherwise the values may differ by a few times what they moved.
 */
import type { Tensor } from 'kwta';
import { TooFewValues } from './layers.js';
import { exact, losses, type Rounding, type Run, rootMeanSquare, run, shaken } from './network.js';
import { type Case, samplesOf } from './randomNetworks.js';

/** Values by what they are. */
export type Values = Record<string, Float64Array>;

interface Answer {
  values: Values;
  decisions: number[];
}

/** An answer that holds for every order of summation. */
export interface Verdict {
  values: Values;
  /** For each value the largest difference that is rounding. */
  tolerances: Values;
  /** False where training mode has too few values for batch norm. */
  trains: boolean;
}

/** How far terms are moved: about thirty units in the last place of float32. */
const amount = 4e-6;
const shakes = 3;
/** Differences of so many times what the values moved are rounding. */
const leeway = 10;
/** So is a part of a value that float32 cannot hold, and a little more. */
const ownRounding = 2e-7;
/** Logits that move by more than this share of themselves say nothing. */
const steady = 1e-3;

/** What a case computes in evaluation and, if it can, in training mode. */
function answer(
  item: Case,
  state: Record<string, Tensor>,
  kept: Run['kept'],
  rounding: Rounding,
): Answer & { trains: boolean } {
  const x = samplesOf(item);
  const evaluation = run(item.spec, state, x, { mode: 'eval', rounding, kept });
  const decisions = evaluation.decisions;
  const decide = (choice: number): void => {
    decisions.push(choice);
  };
  const graded = losses(item.loss, evaluation.logits, item.labels, rounding, decide);
  const values: Values = {
    logits: evaluation.logits.data,
    loss: graded.values,
    'input gradient': evaluation.backward(graded.gradient).input,
  };
  try {
    const training = run(item.spec, state, x, { mode: 'train', rounding, kept });
    const { values: each, gradient } = losses('crossEntropy', training.logits, item.labels, rounding, decide);
    const n = item.labels.length;
    values['training loss'] = Float64Array.of(each.reduce((a, b) => a + b, 0) / n);
    const { parameters } = training.backward(gradient.map((value) => value / n));
    for (const [name, gradients] of Object.entries(parameters)) values[`gradient of ${name}`] = gradients;
    return { values, decisions: [...decisions, ...training.decisions], trains: true };
  } catch (error) {
    if (!(error instanceof TooFewValues)) throw error;
    return { values, decisions, trains: false };
  }
}

/** The verdict, or undefined when rounding decides what a case computes. */
export function judge(item: Case, state: Record<string, Tensor>, kept: Run['kept']): Verdict | undefined {
  const { values, decisions, trains } = answer(item, state, kept, exact);
  const tolerances: Values = {};
  for (const [name, tensor] of Object.entries(values)) tolerances[name] = new Float64Array(tensor.length);
  for (let shake = 0; shake < shakes; shake++) {
    const other = answer(item, state, kept, shaken(shake, amount));
    if (other.decisions.length !== decisions.length || other.decisions.some((choice, i) => choice !== decisions[i])) {
      return undefined;
    }
    for (const [name, tensor] of Object.entries(values)) {
      const moved = other.values[name].map((value, i) => Math.abs(value - tensor[i]));
      const typical = rootMeanSquare(moved);
      if (name === 'logits' && !(typical <= steady * rootMeanSquare(tensor))) return undefined;
      // One value may be worse conditioned than the others, and by chance have moved little.
      for (const [i, by] of moved.entries()) {
        tolerances[name][i] = Math.max(tolerances[name][i], leeway * by, leeway * typical);
      }
    }
  }
  for (const [name, tensor] of Object.entries(values)) {
    for (const [i, value] of tensor.entries()) tolerances[name][i] += ownRounding * Math.abs(value);
  }
  return { values, tolerances, trains };
}
