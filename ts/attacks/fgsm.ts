/** Fast gradient (sign) method, one step to the edge of the ball (Goodfellow, Shlens & Szegedy 2015). */
import type { Loss } from '../graph/network.js';
import type { Attack } from './attack.js';
import { balls, clipToBox, type Norm } from './norms.js';

/** See `attacks.fgsm`. */
export interface FgsmSpec {
  type: 'fgsm';
  norm: Norm;
  loss: Loss;
}

export const fgsm: Attack<FgsmSpec> = function* (spec, { target, x, labels, epsilon }) {
  const { gradient } = target.gradient(x, labels, spec.loss);
  const adversarial = x.slice();
  balls[spec.norm].step(adversarial, gradient, epsilon, target.size);
  clipToBox(adversarial);
  yield 1;
  return adversarial;
};
