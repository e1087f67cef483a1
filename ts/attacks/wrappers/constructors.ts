/** Constructors of the attacks that take an attack. */
import { construct } from '../../base/schema.js';
import { pgd } from '../fixed/constructors.js';
import { idOf, type ModelHandle, type Options } from '../options.js';
import { type AttackSpec, attackDescriptors } from '../table.js';
import type { BpdaSpec } from './bpda.js';
import type { MinimalSpec } from './minimal.js';
import type { RestartsSpec } from './restarts.js';
import type { SmoothedSpec } from './smoothed.js';
import type { TransferSpec } from './transfer.js';

/**
 * Adversarial examples made on another model of the same runtime.
 *
 * @param options.source the model they are made on.
 * @param options.attack how; 40 steps of PGD by default.
 * @throws {ConfigError}
 */
export function transfer(options: { source: ModelHandle; attack?: AttackSpec }): TransferSpec {
  const { source, attack = pgd(), ...rest } = options;
  return construct(attackDescriptors.transfer, { source: idOf(source, 'transfer.source'), attack, ...rest });
}

/**
 * An attack along a surrogate gradient (BPDA: Athalye, Carlini & Wagner 2018): on the way back, the k-WTA layers let other
 * gradients through than those of their winners. The model is not changed, and queries count as before. On a model without
 * k-WTA the attack inside runs as it is, with a warning.
 *
 * @param options.attack one that follows the model's gradient; 40 steps of PGD by default.
 * @param options.backward `'softmask'` by default: the gradient of a value x times sigmoid((x - t) / temperature), with t
 *   the smallest of the winners. `'identity'`: every value's gradient passes, which leads less far.
 * @param options.temperature of `'softmask'`, >= 1e-6, in units of the layer's values; 0.1 by default.
 * @throws {ConfigError}
 */
export function bpda(options: Partial<Options<'bpda'>> = {}): BpdaSpec {
  return construct(attackDescriptors.bpda, { attack: pgd(), ...options });
}

/**
 * An attack along gradients that are means over Gaussian noise: those of a smoother loss, where the model's own are
 * rough. The losses that the attack sees are means over the same noise; its goal is looked for at the point itself. A
 * gradient costs 2 * samples + 1 queries.
 *
 * @param options.attack one that follows the model's gradient; 40 steps of PGD by default.
 * @param options.sigma standard deviation of the noise in pixel units, > 0; 8/255 by default.
 * @param options.samples gradients of each mean, >= 1; 10 by default.
 * @throws {ConfigError}
 */
export function smoothed(options: Partial<Options<'smoothed'>> = {}): SmoothedSpec {
  return construct(attackDescriptors.smoothed, { attack: pgd(), ...options });
}

/**
 * An attack again and again with other random numbers, each time on the samples that are left. Of an attack of minimum norm
 * the closest result is kept, and no sample is left out.
 *
 * @param attack the first run is it as it is; an attack that draws no random numbers gains nothing.
 * @param runs >= 1.
 * @throws {ConfigError}
 */
export function restarts(attack: AttackSpec, runs: number): RestartsSpec {
  return construct(attackDescriptors.restarts, { attack, runs });
}

/**
 * The smallest ball in which an attack of a fixed radius succeeds: the radius doubles from 1/64 of the largest change inside
 * the box until the attack does, and is then halved in between. An attack of minimum norm, in the norm of the one inside;
 * in l0 radii are whole numbers.
 *
 * @param attack of a fixed radius; what its step size is in pixels stays the same at every radius.
 * @param options.steps halvings, 1 to 50; 10 by default.
 * @throws {ConfigError}
 */
export function minimal(attack: AttackSpec, options: { steps?: number } = {}): MinimalSpec {
  return construct(
    attackDescriptors.minimal,
    typeof options === 'object' && options ? { ...options, attack } : options,
  );
}
