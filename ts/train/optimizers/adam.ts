/** Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), as torch.optim's. */
import { descriptor, number, type Output, optional, tagged, tuple } from '../../base/schema.js';
import type { Rule } from './rule.js';

/** See `optim.adam` and `optim.adamw`. */
export type AdamSpec = Output<typeof adamDescriptor.schema>;
export type AdamwSpec = Output<typeof adamwDescriptor.schema>;

const beta = number({ min: 0, below: 1 });

function adaptive<const Type extends string, const Decay extends number>(type: Type, weightDecay: Decay) {
  return tagged(type, {
    lr: optional(number({ above: 0 }), 1e-3),
    betas: optional(tuple([beta, beta]), () => [0.9, 0.999] as const),
    eps: optional(number({ above: 0 }), 1e-8),
    weightDecay: optional(number({ min: 0 }), weightDecay),
  });
}

export const adamDescriptor = descriptor(adaptive('adam', 0), {});
export const adamwDescriptor = descriptor(adaptive('adamw', 0.01), {});

/** @param decoupled weight decay moves the values themselves, not their gradient. */
function rule(decoupled: boolean): Rule<AdamSpec | AdamwSpec> {
  return {
    moments: 2,
    step(exports, { betas, eps, weightDecay }, { length, values, gradient, moments: [first, second] }, count, lr) {
      const [beta1, beta2] = betas;
      exports.adam_step(length, values, gradient, first, second, count, lr, beta1, beta2, eps, weightDecay, decoupled);
    },
  };
}

export const adam: Rule<AdamSpec> = rule(false);
export const adamw: Rule<AdamwSpec> = rule(true);
