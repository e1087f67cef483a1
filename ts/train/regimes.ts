/** How a network is trained, as plain data: on the samples as they are, or on adversarial ones made on the way. */
import { construct, type Input, type Options } from '../base/schema.js';
import { type RegimeSpec, regimeDescriptors as regimes } from './regimes/index.js';

/** Training on the samples as they are. */
export function natural(): RegimeSpec {
  return { type: 'natural' };
}

/**
 * Training on adversarial examples alone (Madry et al. 2018), made anew for every batch with batch norm in
 * eval mode.
 *
 * @param attack one that climbs the model's own gradient: `attacks.pgd(...)` or `attacks.fgsm(...)`.
 * @param options.epsilon radius of the ball in pixel units, > 0.
 * @throws {ConfigError}
 */
export function adversarial(
  attack: Input<typeof regimes.adversarial.schema>['attack'],
  options: { epsilon: number },
): RegimeSpec {
  return construct(regimes.adversarial, { ...options, attack }, 'regimes.adversarial');
}

/**
 * TRADES (Zhang et al. 2019): cross entropy on the samples as they are, plus `beta` times the Kullback-Leibler divergence from
 * the answers there to those at points nearby, which climb that divergence by signed steps in the L-inf ball. Takes mixtures of
 * samples. `loss` in events is that sum, `accuracy` that on the samples as they are.
 *
 * @param options.beta weight >= 0 of the divergence; 6 by default. Class weights and label smoothing are for the cross entropy.
 * @param options.steps of the climb, >= 1; 10 by default.
 * @param options.stepSize in pixel units; a quarter of `epsilon` by default (0.007 at 0.031 in the paper).
 * @param options.epsilon radius of the ball in pixel units, > 0.
 * @throws {ConfigError}
 */
export function trades(options: Options<typeof regimes.trades>): RegimeSpec {
  return construct(regimes.trades, options, 'regimes.trades');
}

/**
 * Free adversarial training in L-inf (Shafahi et al. 2019): each batch is trained on `replays` times, and each pass gives the
 * gradients of the parameters and that of the samples, whose perturbation goes from replay to replay and from batch to batch. An
 * epoch is a pass over the data with `replays` steps of the optimizer for each batch: of the epochs of natural training, take
 * one for so many. Schedules count these steps; takes mixtures of samples.
 *
 * @param options.replays >= 1; 4 by default.
 * @param options.epsilon radius of the ball in pixel units, > 0, and the step of the perturbation.
 * @throws {ConfigError}
 */
export function free(options: Options<typeof regimes.free>): RegimeSpec {
  return construct(regimes.free, options, 'regimes.free');
}

/**
 * Fast adversarial training in L-inf (Wong et al. 2020): one step of FGSM from a random point of the ball, with batch norm in
 * eval mode. It can fail from one epoch to the next ("catastrophic overfitting"). So after each epoch training images are
 * attacked by that step and by ten of PGD: `attackedAccuracy` in the epoch's event, and `warnings` there and in the history when
 * PGD leaves less than half.
 *
 * @param options.epsilon radius of the ball in pixel units, > 0.
 * @param options.stepSize in pixel units; 1.25 times `epsilon` by default.
 * @throws {ConfigError}
 */
export function fast(options: Options<typeof regimes.fast>): RegimeSpec {
  return construct(regimes.fast, options, 'regimes.fast');
}
