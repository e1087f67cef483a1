/** Fast gradient (sign) method, one step to the edge of the ball (Goodfellow, Shlens & Szegedy 2015). */
import { descriptor, type Output, tagged } from '../../base/schema.js';
import { type Attack, all, pick, put } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls } from '../core/norms.js';

/** See `attacks.fgsm`. */
export const fgsmDescriptor = descriptor(tagged('fgsm', { norm: fields.norm(), loss: fields.loss() }), {
  family: 'fixed',
  gradient: 'exact',
});

/** What `attacks.fgsm` makes: plain data, its options with the defaults filled in. */
export type FgsmSpec = Output<typeof fgsmDescriptor.schema>;

export const fgsm: Attack<FgsmSpec> = function* (spec, { target, x, count, epsilon }) {
  const { size } = target;
  const result = x.slice();
  const active = target.afford(all(count), target.gradientCost);
  const points = pick(x, active, size);
  const { gradient } = yield* target.gradient(points, active, spec.loss);
  balls[spec.norm].step(points, gradient, pick(x, active, size), size, { stepSize: epsilon, epsilon });
  put(result, active, points, size);
  yield 1;
  return result;
};
