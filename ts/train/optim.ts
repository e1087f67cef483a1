/** Optimizers as plain data: `optim.sgd({ lr: 0.1 })`. Names, defaults and update rules are those of torch.optim. */
import { construct, type Options } from '../base/schema.js';
import type { AdamSpec, AdamwSpec } from './optimizers/adam.js';
import { optimizerDescriptors as optimizers } from './optimizers/index.js';
import type { SgdSpec } from './optimizers/sgd.js';

/**
 * Stochastic gradient descent. `lr` > 0; `momentum` in [0, 1), 0 by default; `weightDecay` >= 0 (L2), 0 by
 * default; `nesterov` needs a momentum. @throws {ConfigError}
 */
export function sgd(options: Options<typeof optimizers.sgd>): SgdSpec {
  return construct(optimizers.sgd, options);
}

/**
 * Adam (Kingma & Ba 2015); `weightDecay` >= 0 is added to the gradient, 0 by default. Learning rate `lr` > 0, 1e-3 by default;
 * `betas` in [0, 1), [0.9, 0.999] by default; `eps` > 0, 1e-8 by default: all as in PyTorch. @throws {ConfigError}
 */
export function adam(options: Options<typeof optimizers.adam> = {}): AdamSpec {
  return construct(optimizers.adam, options);
}

/**
 * AdamW (Loshchilov & Hutter 2019): decoupled `weightDecay`, 0.01 by default; `lr`, `betas` and `eps` as for {@link adam}.
 * @throws {ConfigError}
 */
export function adamw(options: Options<typeof optimizers.adamw> = {}): AdamwSpec {
  return construct(optimizers.adamw, options);
}
