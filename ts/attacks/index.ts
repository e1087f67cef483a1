/** Attacks as plain data, checked where they are written: `model.attack(attacks.pgd({ steps: 40 }), ...)`. */
import { checkChoice, checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ConfigError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import { type Loss, losses } from '../graph/network.js';
import { type AttackSpec, checkAttack, directAttacks } from './attack.js';
import type { EstimatedGradientSpec } from './estimatedGradient.js';
import type { FgsmSpec } from './fgsm.js';
import { type Norm, norms } from './norms.js';
import type { PgdSpec } from './pgd.js';
import type { TransferSpec } from './transfer.js';

/**
 * One step to the edge of the ball (Goodfellow, Shlens & Szegedy 2015).
 *
 * @param options.norm `'linf'` by default, or `'l2'`.
 * @param options.loss loss to climb; cross entropy by default.
 * @throws {ConfigError}
 */
export function fgsm(options: { norm?: Norm; loss?: Loss } = {}): FgsmSpec {
  checkKeys('fgsm', options, ['norm', 'loss']);
  const { norm = 'linf', loss = 'crossEntropy' } = options;
  checkChoice('fgsm.norm', norm, norms);
  checkChoice('fgsm.loss', loss, losses);
  return { type: 'fgsm', norm, loss };
}

/**
 * Projected gradient ascent (Madry et al. 2018).
 *
 * @param options.norm `'linf'` by default, or `'l2'`.
 * @param options.steps gradient steps, >= 1; 40 by default.
 * @param options.stepSize in pixel units (not relative to epsilon), > 0; 2.5 * epsilon / steps by default.
 * @param options.restarts runs from different random points, >= 1; 1 by default.
 * @param options.randomStart begins at a random point of the ball; true by default.
 * @param options.earlyStop stops a sample at its first misclassified iterate, which is stronger and cheaper;
 *   false by default: the last iterate, as in the paper.
 * @param options.loss loss to climb; cross entropy by default.
 * @throws {ConfigError}
 */
export function pgd(options: Partial<Omit<PgdSpec, 'type'>> = {}): PgdSpec {
  checkKeys('pgd', options, ['norm', 'steps', 'stepSize', 'restarts', 'randomStart', 'earlyStop', 'loss']);
  const { norm = 'linf', steps = 40, stepSize, restarts = 1, randomStart = true } = options;
  const { earlyStop = false, loss = 'crossEntropy' } = options;
  checkChoice('pgd.norm', norm, norms);
  checkInteger('pgd.steps', steps, { min: 1 });
  if (stepSize !== undefined) checkNumber('pgd.stepSize', stepSize, { above: 0 });
  checkInteger('pgd.restarts', restarts, { min: 1 });
  if (restarts > 1 && !randomStart) {
    throw new ConfigError(
      `pgd.restarts: expected 1 without a random start (all runs would be the same), got ${restarts}`,
    );
  }
  checkChoice('pgd.loss', loss, losses);
  return { type: 'pgd', norm, steps, stepSize, restarts, randomStart, earlyStop, loss };
}

/**
 * Ascent on the margin loss along a gradient estimated from logits by antithetic Gaussian sampling (Tramer
 * et al. 2020). A sample is left alone once it is misclassified.
 *
 * @param options.norm `'linf'` by default, or `'l2'`.
 * @param options.steps steps, >= 1; 100 by default.
 * @param options.stepSize in pixel units, > 0; 2.5 * epsilon / steps by default.
 * @param options.sigma standard deviation of the noise in pixel units, > 0; 8/255 by default.
 * @param options.samples logit queries of each step, even and >= 2; 100 by default. A list is a schedule: the
 *   steps are divided evenly between its entries, as in [100, 1000, 20000].
 * @throws {ConfigError}
 */
export function estimatedGradient(
  options: { norm?: Norm; steps?: number; stepSize?: number; sigma?: number; samples?: number | number[] } = {},
): EstimatedGradientSpec {
  checkKeys('estimatedGradient', options, ['norm', 'steps', 'stepSize', 'sigma', 'samples']);
  const { norm = 'linf', steps = 100, stepSize, sigma = 8 / 255, samples = 100 } = options;
  checkChoice('estimatedGradient.norm', norm, norms);
  checkInteger('estimatedGradient.steps', steps, { min: 1 });
  if (stepSize !== undefined) checkNumber('estimatedGradient.stepSize', stepSize, { above: 0 });
  checkNumber('estimatedGradient.sigma', sigma, { above: 0 });
  const schedule = [samples].flat();
  if (schedule.length === 0 || schedule.length > steps) {
    throw new ConfigError(`estimatedGradient.samples: expected 1 to ${steps} stages, got ${schedule.length}`);
  }
  for (const count of schedule) {
    checkInteger('estimatedGradient.samples', count, { min: 2 });
    if (count % 2 !== 0)
      throw new ConfigError(`estimatedGradient.samples: expected even numbers (pairs), got ${count}`);
  }
  return { type: 'estimatedGradient', norm, steps, stepSize, sigma, samples: schedule };
}

/** A model that lives in the same runtime. */
interface ModelHandle {
  readonly id: number;
}

/**
 * Adversarial examples made on another model of the same runtime.
 *
 * @param options.source the model they are made on.
 * @param options.attack how; 40 steps of PGD by default.
 * @throws {ConfigError}
 */
export function transfer(options: { source: ModelHandle; attack?: Exclude<AttackSpec, TransferSpec> }): TransferSpec {
  checkKeys('transfer', options, ['source', 'attack']);
  const { source, attack = pgd() } = options;
  if (typeof source?.id !== 'number')
    throw new ConfigError(`transfer.source: expected a model, got ${describe(source)}`);
  checkAttack('transfer.attack', attack, directAttacks);
  return { type: 'transfer', source: source.id, attack };
}

export type { AttackSpec, EstimatedGradientSpec, FgsmSpec, Norm, PgdSpec, TransferSpec };
