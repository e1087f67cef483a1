/**
 * Grades what an attack made: candidates are brought into the ball and the box, and the model is asked. An attack's own
 * view of its success is never used.
 */
import { DivergedError } from '../../base/errors.js';
import { defaultBatch, type Network } from '../../graph/network.js';
import { argmax } from '../../graph/predictions.js';
import { all, pick } from './attack.js';
import { checkNumbers, type Goal } from './goal.js';
import { type Ball, clipToBox } from './norms.js';
import type { Passes } from './target.js';

/** Grades of `n` samples. */
export interface Grades {
  /** `[n, size]`, in the ball and the box; these were graded. */
  clipped: Float32Array;
  /** Class the model gives to each. */
  predictions: Int32Array;
  success: boolean[];
  /** Distance of each from the original. */
  distances: Float32Array;
  /** Furthest that a value had left the ball or the box. */
  outside: number;
}

/** Classes that the model gives to samples `[n, size]`. @throws {DivergedError} when it answers NaN. */
export function* classify(network: Network, x: Float32Array): Passes<Int32Array> {
  const { sampleSize: size, classes } = network;
  const result = new Int32Array(x.length / size);
  for (let from = 0; from < result.length; from += defaultBatch) {
    const logits = network.forward(x.subarray(from * size, (from + defaultBatch) * size)).logits();
    checkNumbers('logits', logits);
    result.set(argmax(logits, classes), from);
    yield;
  }
  return result;
}

/** Grades, and which candidates could not be graded. */
export interface GradedApart extends Grades {
  ungraded: number[];
  /** What was said of them. */
  said: string[];
}

/**
 * Grades candidates for `x`; where the model answers NaN to one of them, the original is graded in its place.
 *
 * @param made the samples whose candidates are not the originals.
 */
export function* gradeApart(
  network: Network,
  ball: Ball,
  goal: Goal,
  x: Float32Array,
  candidates: Float32Array,
  epsilon: number,
  made: readonly number[],
): Passes<GradedApart> {
  const gradeThese = (samples: readonly number[], points: Float32Array): Passes<Grades> =>
    grade(network, ball, goal.subset(samples), pick(x, samples, size), points, epsilon);
  const size = network.sampleSize;
  const everyone = all(goal.classes.length);
  const ungraded: number[] = [];
  const said = new Set<string>();
  try {
    return { ...(yield* gradeThese(everyone, candidates)), ungraded, said: [] };
  } catch (error) {
    if (!(error instanceof DivergedError)) throw error;
  }
  const points = candidates.slice();
  for (const i of made) {
    try {
      yield* gradeThese([i], pick(candidates, [i], size));
    } catch (error) {
      if (!(error instanceof DivergedError)) throw error;
      ungraded.push(i);
      said.add(error.message);
      points.set(x.subarray(i * size, (i + 1) * size), i * size);
    }
  }
  return { ...(yield* gradeThese(everyone, points)), ungraded, said: [...said] };
}

/** Grades candidates for `x`. @throws {DivergedError} when the model answers NaN. */
export function* grade(
  network: Network,
  ball: Ball,
  goal: Goal,
  x: Float32Array,
  candidates: Float32Array,
  epsilon: number,
): Passes<Grades> {
  const size = network.sampleSize;
  checkNumbers('adversarial candidates', candidates);
  const clipped = candidates.slice();
  if (epsilon !== Number.POSITIVE_INFINITY) ball.project(clipped, x, epsilon, size);
  clipToBox(clipped);
  let outside = 0;
  for (let i = 0; i < clipped.length; i++) outside = Math.max(outside, Math.abs(candidates[i] - clipped[i]));
  const predictions = yield* classify(network, clipped);
  return {
    clipped,
    predictions,
    success: Array.from(predictions, (prediction, i) => goal.reached(prediction, i)),
    distances: ball.distances(clipped, x, size),
    outside,
  };
}
