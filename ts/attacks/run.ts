/**
 * Runs an attack and grades it: an attack's own view of its success is never used. Candidates are clipped
 * to the ball and the box, and the model is asked again.
 */

import { Random } from '../base/random.js';
import type { Network } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';
import { type Attack, type AttackSpec, normOf, pick, put } from './attack.js';
import { estimatedGradient } from './estimatedGradient.js';
import { fgsm } from './fgsm.js';
import { balls, clipToBox } from './norms.js';
import { pgd } from './pgd.js';
import { type Queries, Target } from './target.js';
import { transfer } from './transfer.js';

/** Result at one epsilon, in plain arrays. */
export interface EpsilonResult {
  epsilon: number;
  /** What the attack returned, `[n, size]`. */
  raw: Float32Array;
  /** The same, brought into the ball and the box; this is what was graded. */
  clipped: Float32Array;
  /** Class the model gives to each clipped sample. */
  predictions: Int32Array;
  success: boolean[];
  /** Distance of each clipped sample from the original, in the attack's norm. */
  distances: Float32Array;
  queries: Queries;
  seconds: number;
  warnings: string[];
}

/** Purposes of random streams in attacks lie above this, apart from the other uses of a seed. */
const attackStream = 0x20000000;

/** How far outside the ball a candidate may lie by rounding alone. */
const tolerance = 1e-6;

/**
 * Attacks every sample at one epsilon; yields the share of the work done. Samples that are misclassified
 * as they are count as successes and are left alone.
 *
 * @param source finds the model that a transfer attack names.
 */
export function* runAttack(
  network: Network,
  spec: AttackSpec,
  samples: { x: Float32Array; labels: Int32Array; epsilon: number; seed: number },
  source: (model: number) => Network,
): Generator<number, EpsilonResult, void> {
  const { x, labels, epsilon, seed } = samples;
  const started = performance.now();
  const target = new Target(network);
  const { size } = target;
  const ball = balls[normOf(spec)];
  const warnings = new Set<string>();

  const clean = target.predict(x);
  const attacked = Array.from(labels.keys()).filter((i) => clean[i] === labels[i]);
  const raw = x.slice();
  if (attacked.length > 0) {
    const candidates = yield* procedure(spec, source)(spec, {
      target,
      x: pick(x, attacked, size),
      labels: Int32Array.from(attacked, (i) => labels[i]),
      epsilon,
      seed,
      random: (purpose) => new Random(seed, attackStream + purpose),
      warn: (message) => warnings.add(message),
    });
    put(raw, attacked, candidates, size);
  }

  const clipped = raw.slice();
  ball.project(clipped, x, epsilon, size);
  clipToBox(clipped);
  const outside = raw.reduce((worst, value, i) => Math.max(worst, Math.abs(value - clipped[i])), 0);
  if (outside > tolerance)
    warnings.add(`candidates left the ball or the box by up to ${outside.toExponential(1)}; clipped`);
  const predictions = argmax(target.logits(clipped), network.classes);
  return {
    epsilon,
    raw,
    clipped,
    predictions,
    success: Array.from(predictions, (prediction, i) => prediction !== labels[i]),
    distances: ball.distances(clipped, x, size),
    queries: target.queries,
    seconds: (performance.now() - started) / 1000,
    warnings: [...warnings],
  };
}

/** The procedure of an attack. */
function procedure(spec: AttackSpec, source: (model: number) => Network): Attack<AttackSpec> {
  switch (spec.type) {
    case 'fgsm':
      return fgsm as Attack<AttackSpec>;
    case 'pgd':
      return pgd as Attack<AttackSpec>;
    case 'estimatedGradient':
      return estimatedGradient as Attack<AttackSpec>;
    case 'transfer':
      return transfer(source(spec.source), procedure(spec.attack, source)) as Attack<AttackSpec>;
  }
}
