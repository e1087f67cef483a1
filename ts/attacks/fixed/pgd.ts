/**
 * Projected gradient ascent on a loss inside the ball (Madry et al. 2018; in l0, Croce & Hein 2019): step along the sign
 * (linf) or the direction (l2, l0) of the gradient, or along its largest slopes (l1), project to the ball, clip to the
 * box. Restarts begin at random points and go on with the samples that have not reached their goal yet.
 */
import { boolean, descriptor, integer, type Output, optional, refined, tagged } from '../../base/schema.js';
import { argmax } from '../../graph/predictions.js';
import { type Attack, all, asPart, pick, put } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls, clipToBox, norms } from '../core/norms.js';
import type { Target } from '../core/target.js';

/** See `attacks.pgd`. */
export const pgdDescriptor = descriptor(
  refined(
    tagged('pgd', {
      norm: fields.norm(norms),
      steps: fields.steps(40),
      stepSize: fields.stepSize(),
      restarts: optional(integer({ min: 1 }), 1),
      randomStart: optional(boolean(), true),
      earlyStop: optional(boolean(), false),
      loss: fields.loss(),
    }),
    ({ restarts, randomStart }) =>
      restarts > 1 && !randomStart
        ? `expected 1 without a random start (all runs would be the same), got ${restarts}`
        : undefined,
    'restarts',
  ),
  { family: 'fixed', gradient: 'exact' },
);

/** What `attacks.pgd` makes: plain data, its options with the defaults filled in. */
export type PgdSpec = Output<typeof pgdDescriptor.schema>;

/** Length of a step in l0 (in l1) for each value of a sample, unless it is given: the largest slopes reach the walls. */
const l0Step = 0.15;

export const pgd: Attack<PgdSpec> = function* (spec, batch) {
  const { target, x, epsilon } = batch;
  const { size } = target;
  const { stepSize: wished = spec.norm === 'l0' ? l0Step * size : undefined } = spec;
  const stepSize = fields.stepSizeOf({ ...spec, stepSize: wished }, epsilon, batch.warn);
  const result = x.slice();
  let active = all(batch.count);
  for (let restart = 0; restart < spec.restarts && active.length > 0; restart++) {
    const points = pick(x, active, size);
    if (spec.randomStart) {
      for (const [at, i] of active.entries()) {
        balls[spec.norm].start(points.subarray(at * size, (at + 1) * size), epsilon, batch.random(i, restart));
      }
      clipToBox(points);
    }
    yield* asPart(ascend(spec, target, x, points, active, { epsilon, stepSize }), restart, spec.restarts);
    put(result, active, points, size);
    if (restart + 1 < spec.restarts) {
      // Who is not asked for lack of queries has none for a restart.
      active = target.afford(active, 1 + target.gradientCost);
      const answers = argmax(yield* target.logits(pick(result, active, size), active), target.classes);
      active = active.filter((i, at) => !target.goal.reached(answers[at], i));
    }
  }
  return result;
};

/** Moves `points` of the samples `of` in place, `spec.steps` times. */
export function* ascend(
  spec: Pick<PgdSpec, 'norm' | 'loss' | 'steps' | 'earlyStop'>,
  target: Target,
  x: Float32Array,
  points: Float32Array,
  of: readonly number[],
  { epsilon, stepSize }: { epsilon: number; stepSize: number },
): Generator<number | undefined, void, void> {
  const { size } = target;
  const ascent = target.ascent(pick(x, of, size), points);
  // Places in `points` of those that still move.
  let running = all(of.length);
  const leave = (left: readonly number[]): void => {
    if (left.length === 0) return;
    put(
      points,
      left.map((i) => running[i]),
      ascent.read(left),
      size,
    );
    const leaving = new Set(left);
    const staying = all(running.length).filter((i) => !leaving.has(i));
    ascent.keep(staying);
    running = staying.map((i) => running[i]);
  };
  try {
    for (let step = 0; step < spec.steps; step++) {
      leave(all(running.length).filter((i) => target.left(of[running[i]]) < target.gradientCost));
      if (running.length === 0) break;
      const samples = running.map((at) => of[at]);
      const how = { loss: spec.loss, stops: spec.earlyStop, step: { norm: spec.norm, stepSize, epsilon } };
      // Who is there already stays where the model was asked.
      leave(yield* target.climb(ascent, samples, how));
      yield (step + 1) / spec.steps;
    }
    put(points, running, ascent.read(), size);
  } finally {
    ascent.dispose();
  }
}
