/** Stochastic gradient descent, as torch.optim.SGD. */
import { boolean, descriptor, number, type Output, optional, refined, tagged } from '../../base/schema.js';
import type { Rule } from './rule.js';

/** See `optim.sgd`. */
export type SgdSpec = Output<typeof sgdDescriptor.schema>;

export const sgdDescriptor = descriptor(
  refined(
    tagged('sgd', {
      lr: number({ above: 0 }),
      momentum: optional(number({ min: 0, below: 1 }), 0),
      weightDecay: optional(number({ min: 0 }), 0),
      nesterov: optional(boolean(), false),
    }),
    ({ nesterov, momentum }) => (nesterov && momentum === 0 ? 'expected momentum > 0, got 0' : undefined),
    'nesterov',
  ),
  {},
);

export const sgd: Rule<SgdSpec> = {
  moments: 1,
  step(exports, { momentum, weightDecay, nesterov }, { length, values, gradient, moments: [velocity] }, _count, lr) {
    exports.sgd_step(length, values, gradient, velocity, lr, momentum, weightDecay, nesterov);
  },
};
