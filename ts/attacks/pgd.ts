/**
 * Projected gradient ascent on a loss inside the ball (Madry et al. 2018): step along the sign (linf) or the
 * direction (l2) of the gradient, project to the ball, clip to the box. Restarts begin at random points and
 * go on with the samples that are not misclassified yet.
 */
import type { Loss } from '../graph/network.js';
import { argmax } from '../graph/predictions.js';
import { type Attack, pick, put } from './attack.js';
import { balls, clipToBox, type Norm } from './norms.js';

/** See `attacks.pgd`. */
export interface PgdSpec {
  type: 'pgd';
  norm: Norm;
  steps: number;
  /** In pixel units; 2.5 * epsilon / steps when left out. */
  stepSize?: number;
  restarts: number;
  randomStart: boolean;
  /** Stops a sample at its first misclassified iterate. */
  earlyStop: boolean;
  loss: Loss;
}

export const pgd: Attack<PgdSpec> = function* (spec, { target, x, labels, epsilon, random, warn }) {
  const { size, classes } = target;
  const ball = balls[spec.norm];
  const stepSize = spec.stepSize ?? (2.5 * epsilon) / spec.steps;
  if (epsilon > 0 && spec.steps * stepSize < epsilon) {
    warn(`pgd: ${spec.steps} steps of ${stepSize} cannot cross the ball of radius ${epsilon}; is stepSize in pixels?`);
  }
  const result = x.slice();
  let active = Array.from(labels, (_, i) => i);
  let flat = 0;
  let seen = 0;
  for (let restart = 0; restart < spec.restarts && active.length > 0; restart++) {
    const x0 = pick(x, active, size);
    const y = Int32Array.from(active, (i) => labels[i]);
    const adversarial = spec.randomStart ? ball.start(x0, epsilon, size, random(restart)) : x0.slice();
    clipToBox(adversarial);
    const frozen = new Uint8Array(active.length);
    for (let step = 0; step < spec.steps; step++) {
      const running = spec.earlyStop ? indices(frozen, 0) : undefined;
      if (running?.length === 0) break;
      const current = running ? pick(adversarial, running, size) : adversarial;
      const currentLabels = running ? Int32Array.from(running, (i) => y[i]) : y;
      const { gradient, logits } = target.gradient(current, currentLabels, spec.loss);
      seen += currentLabels.length;
      flat += countZero(gradient, size);
      const base = running ? pick(x0, running, size) : x0;
      const before = running && current.slice();
      ball.step(current, gradient, stepSize, size);
      ball.project(current, base, epsilon, size);
      clipToBox(current);
      if (running && before) {
        for (const [i, prediction] of argmax(logits, classes).entries()) {
          if (prediction === currentLabels[i]) continue;
          frozen[running[i]] = 1;
          current.set(before.subarray(i * size, (i + 1) * size), i * size);
        }
        put(adversarial, running, current, size);
      }
      yield (restart + (step + 1) / spec.steps) / spec.restarts;
    }
    put(result, active, adversarial, size);
    if (restart + 1 < spec.restarts) {
      const predictions = target.predict(adversarial);
      active = active.filter((_, i) => predictions[i] === y[i]);
    }
  }
  if (flat > seen / 10) warn(`pgd: the gradient was zero for ${Math.round((100 * flat) / seen)} % of the queries`);
  return result;
};

function indices(flags: Uint8Array, wanted: number): number[] {
  return Array.from(flags.keys()).filter((i) => flags[i] === wanted);
}

/** Samples whose whole gradient is zero. */
function countZero(gradient: Float32Array, size: number): number {
  let count = 0;
  for (let from = 0; from < gradient.length; from += size) {
    let i = from;
    while (i < from + size && gradient[i] === 0) i++;
    count += Number(i === from + size);
  }
  return count;
}
