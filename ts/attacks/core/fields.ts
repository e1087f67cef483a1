/** Fields that many attacks have. */
import { choice, integer, number, optional } from '../../base/schema.js';
import { losses } from '../../graph/losses.js';
import { type Norm, norms } from './norms.js';

/** The ball's norm; `'linf'` by default. */
export const norm = <N extends Norm = Norm>(of: readonly N[] = norms as N[]) => optional(choice(of), 'linf' as N);

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
