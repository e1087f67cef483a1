/**
 * The loop of attacks of minimum norm that follow a gradient: every sample has a point of its own that moves after each
 * answer, and the closest adversarial on its way is kept.
 */
import { type Batch, pick } from './attack.js';
import type { Closest } from './closest.js';

/** Where a sample stands. */
export interface Place {
  i: number;
  step: number;
  /** In the box; to be moved in place. */
  point: Float32Array;
  original: Float32Array;
  /** Of the loss, which grows towards the goal. */
  loss: number;
  slope: Float32Array;
  /** The point is at its goal. */
  there: boolean;
}

/** How a sample moves on; false where it need not go any further. */
export type Move = (place: Place) => boolean | undefined;

/**
 * Moves the samples so many times and keeps what is found; yields the share that is done. The last points are not asked
 * for any more. Who cannot pay for a gradient, or needs nothing closer, stays.
 *
 * @param points `[n, size]` of the whole batch.
 */
export function* descend(
  { target, x }: Batch,
  points: Float32Array,
  found: Closest,
  { loss, steps, samples }: { loss: 'crossEntropy' | 'margin'; steps: number; samples: readonly number[] },
  move: Move,
): Generator<number | undefined, void, void> {
  const { size } = target;
  const rowOf = (values: Float32Array, i: number): Float32Array => values.subarray(i * size, (i + 1) * size);
  let active = samples.slice();
  for (let step = 0; step < steps; step++) {
    active = target.afford(active, target.gradientCost);
    if (active.length === 0) return;
    const { losses, logits, gradient } = yield* target.gradient(pick(points, active, size), active, loss);
    const there = new Set(target.atGoal(logits, active));
    active = active.filter((i, at) => {
      const point = rowOf(points, i);
      if (there.has(at)) found.take(i, point);
      if (found.enough(i)) return false;
      const slope = rowOf(gradient, at);
      return move({ i, step, point, original: rowOf(x, i), loss: losses[at], slope, there: there.has(at) }) ?? true;
    });
    yield (step + 1) / steps;
  }
}
