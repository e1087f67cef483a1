/** Fields that many attacks have. */
import { choice, integer, number, optional } from '../../base/schema.js';
import { losses } from '../../graph/losses.js';
import { type ConvexNorm, convexNorms, type Norm } from './norms.js';

const normAmong = <N extends Norm>(of: readonly N[]) => optional(choice(of), of[0]);

/** The ball's norm, one of the convex ones unless others are named; the first of them by default. */
export function norm(): ReturnType<typeof normAmong<ConvexNorm>>;
export function norm<N extends Norm>(of: readonly N[]): ReturnType<typeof normAmong<N>>;
export function norm(of: readonly Norm[] = convexNorms): ReturnType<typeof normAmong> {
  return normAmong(of);
}

/** The loss to climb; cross entropy by default. */
export const loss = () => optional(choice(losses), 'crossEntropy');

/** How many, one or more. */
export const steps = (value: number) => optional(integer({ min: 1 }), value);

/** In pixel units, not relative to epsilon. */
export const stepSize = () => optional(number({ above: 0 }));

/**
 * The step size in use: 2.5 epsilon / steps unless given, with a warning when all steps together cannot cross the ball.
 *
 * @param least what it is at least unless given, in epsilons.
 */
export function stepSizeOf(
  spec: { type: string; steps: number; stepSize?: number },
  epsilon: number,
  warn: (message: string) => void,
  least = 0,
): number {
  const size = spec.stepSize ?? epsilon * Math.max(2.5 / spec.steps, least);
  if (epsilon > 0 && spec.steps * size < epsilon) {
    warn(
      `${spec.type}: ${spec.steps} steps of ${size} cannot cross the ball of radius ${epsilon}; is stepSize in pixels?`,
    );
  }
  return size;
}
