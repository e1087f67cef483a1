/** Constructors of the attacks that climb a loss inside a ball. */
import { construct } from '../../base/schema.js';
import type { Options } from '../options.js';
import { attackDescriptors } from '../table.js';
import type { ApgdSpec } from './apgd.js';
import type { BimSpec } from './bim.js';
import type { FgsmSpec } from './fgsm.js';
import type { MimSpec } from './mim.js';
import type { NoiseSpec } from './noise.js';
import type { PgdSpec } from './pgd.js';

/**
 * One step to the edge of the ball (Goodfellow, Shlens & Szegedy 2015).
 *
 * @param options.norm `'linf'` by default, `'l2'`, or `'l1'`: one sparse step, of equal shares for the 5 % of the pixels with
 *   the largest slopes, those at a wall left out (Tramer & Boneh 2019).
 * @param options.loss loss to climb; cross entropy by default.
 * @throws {ConfigError}
 */
export function fgsm(options: Options<'fgsm'> = {}): FgsmSpec {
  return construct(attackDescriptors.fgsm, options);
}

/**
 * Projected gradient ascent (Madry et al. 2018; in l0, Croce & Hein 2019).
 *
 * @param options.norm `'linf'` by default, `'l2'`, `'l1'`: sparse steps as those of {@link fgsm}, or `'l0'`: steps along the
 *   gradient, of whose changes those are kept that lead furthest inside the box.
 * @param options.steps gradient steps, >= 1; 40 by default.
 * @param options.stepSize in pixel units (not relative to epsilon), > 0; 2.5 * epsilon / steps by default. In l0 the sum of
 *   a step's changes; 0.15 for each value of a sample by default.
 * @param options.restarts runs from different random points, >= 1; 1 by default.
 * @param options.randomStart begins at a random point of the ball; true by default.
 * @param options.earlyStop stops a sample at its first iterate that reaches the goal, which is stronger and cheaper;
 *   false by default: the last iterate, as in the paper.
 * @param options.loss loss to climb; cross entropy by default.
 * @throws {ConfigError}
 */
export function pgd(options: Options<'pgd'> = {}): PgdSpec {
  return construct(attackDescriptors.pgd, options);
}

/**
 * The basic iterative method (Kurakin, Goodfellow & Bengio 2017): {@link pgd} that begins at the sample itself.
 *
 * @param options.norm `'linf'` by default, `'l2'`, or `'l1'`: sparse steps as those of {@link fgsm}.
 * @param options.steps gradient steps, >= 1; 10 by default.
 * @param options.stepSize in pixel units, > 0; 2.5 * epsilon / steps by default.
 * @param options.loss loss to climb; cross entropy by default.
 * @throws {ConfigError}
 */
export function bim(options: Options<'bim'> = {}): BimSpec {
  return construct(attackDescriptors.bim, options);
}

/**
 * The iterative method with momentum (MI-FGSM, Dong et al. 2018): steps follow a decaying sum of the gradients so far,
 * each divided by its mean size.
 *
 * @param options.norm `'linf'` by default, `'l2'`, or `'l1'`: sparse steps as those of {@link fgsm}, along the sum.
 * @param options.steps gradient steps, >= 1; 10 by default.
 * @param options.stepSize in pixel units, > 0; 2.5 * epsilon / steps by default.
 * @param options.decay share of the sum that is left at the next step, >= 0; 1 by default.
 * @param options.loss loss to climb; cross entropy by default.
 * @throws {ConfigError}
 */
export function mim(options: Options<'mim'> = {}): MimSpec {
  return construct(attackDescriptors.mim, options);
}

/**
 * Random changes inside the ball; the best of some. Each costs one query, for logits say which to keep; a sample that
 * has reached its goal tries no more.
 *
 * @param options.norm `'linf'` by default, `'l2'`, `'l1'` or `'l0'`.
 * @param options.kind `'uniform'` in the ball (the default), `'gaussian'`: a normal direction as far as the ball goes (not
 *   in l0), or `'saltPepper'`: values become 0 or 1 until the ball is left (in linf, all of them as far as they may).
 * @param options.repeats tries, >= 1; 100 by default.
 * @throws {ConfigError}
 */
export function noise(options: Options<'noise'> = {}): NoiseSpec {
  return construct(attackDescriptors.noise, options);
}

/**
 * Auto-PGD (Croce & Hein 2020; in l1, 2021): gradient ascent with momentum that needs no step size. Steps begin at
 * 2 * epsilon and halve for a sample where they no longer raise its loss; it then goes on from its best point. In l1 they
 * begin at epsilon and move the pixels of the largest slopes alone, and balls of 3 and 2 epsilon come before that of
 * epsilon, for 30 % of the steps each (of 5 steps or more). A sample that reaches its goal asks no more.
 *
 * A run asks for `steps + 1` gradients (`steps + 3` in l1), of two queries each.
 *
 * @param options.norm `'linf'` by default, `'l2'` or `'l1'`.
 * @param options.loss loss to climb; cross entropy by default. `'targetedDlr'` runs to one class after another, the most
 *   likely first, and asks one query for their order; with `targets`, to the target alone.
 * @param options.steps gradient steps, >= 1; 100 by default.
 * @param options.restarts runs from different random points (to each class), >= 1; 1 by default.
 * @param options.rho steps halve when at most this share of those since the last checkpoint raised the loss, in (0, 1);
 *   0.75 by default. Not used in l1, where they shrink when the best point gets no sparser.
 * @param options.eot gradients that are averaged for each step, >= 1; 1 by default. For models whose answers are random.
 * @param options.targetClasses classes that `'targetedDlr'` tries, >= 1; 9 by default, or all there are.
 * @throws {ConfigError} also when the model has too few classes for the loss.
 */
export function apgd(options: Options<'apgd'> = {}): ApgdSpec {
  return construct(attackDescriptors.apgd, options);
}
