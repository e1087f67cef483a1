/** Constructors of the attacks along gradients that look for the closest adversarial. */
import { construct } from '../../base/schema.js';
import type { Options } from '../options.js';
import { attackDescriptors } from '../table.js';
import type { CarliniWagnerSpec } from './carliniWagner.js';
import type { DdnSpec } from './ddn.js';
import type { DeepFoolSpec } from './deepFool.js';
import type { FabSpec } from './fab.js';
import type { FmnSpec } from './fmn.js';
import type { PdpgdSpec } from './pdpgd.js';
import type { SigmaZeroSpec } from './sigmaZero.js';

/**
 * The closest adversarial that a linear picture of the model leads to (Moosavi-Dezfooli, Fawzi & Frossard 2016): an attack
 * of minimum norm, which runs once for all epsilons, or for none.
 *
 * @param options.norm `'linf'` by default, or `'l2'`.
 * @param options.steps >= 1; 50 by default.
 * @param options.overshoot how much further than to the border, >= 0; 0.02 by default.
 * @throws {ConfigError}
 */
export function deepFool(options: Options<'deepFool'> = {}): DeepFoolSpec {
  return construct(attackDescriptors.deepFool, options);
}

/**
 * The fast adaptive boundary attack (Croce & Hein 2020), as in AutoAttack: steps to the border of the linearised classes
 * within the box, drawn towards the original; an attack of minimum norm, which runs once for all epsilons, or for none.
 * Inside a ball (in a cascade) a sample that is in it is left alone. With targets, the border is that of the target.
 *
 * @param options.norm `'linf'` by default, `'l2'` or `'l1'`.
 * @param options.targeted goes for each of the most likely other classes in turn, one gradient a step, instead of for the
 *   nearest of all, which takes the gradients of all logits; false by default.
 * @param options.steps of each run, >= 1; 100 by default.
 * @param options.restarts runs, of which all but the first begin at random points, >= 1; 1 by default.
 * @param options.alphaMax largest weight of the original in a step, 0 to 1; 0.1 by default.
 * @param options.eta length of a step relative to the border, >= 1; 1.05 by default.
 * @param options.beta what is left of the distance after a step back from an adversarial, > 0 and <= 1; 0.9 by default.
 * @param options.targetClasses classes that the targeted variant goes for, >= 1; 9 by default, at most all others.
 * @throws {ConfigError}
 */
export function fab(options: Options<'fab'> = {}): FabSpec {
  return construct(attackDescriptors.fab, options);
}

/**
 * The attack of Carlini & Wagner (2017), of minimum norm in l2: Adam on the squared distance plus a constant times how far
 * the logits are from the goal, for one constant after another. Strong and slow: `searches * steps` gradients at most, of
 * two queries each. Runs once for all epsilons, or for none.
 *
 * @param options.norm `'l2'`, the only one.
 * @param options.searches constants that are tried, >= 1; 9 by default.
 * @param options.steps gradient steps for each, >= 1; 1,000 by default.
 * @param options.learningRate of Adam, on the inverse hyperbolic tangent of pixels, > 0; 0.01 by default.
 * @param options.initialConstant the first constant, > 0; 1e-3 by default.
 * @param options.earlyStop ends a sample's search when a tenth of the steps has won less than 0.01 % of what it minimises;
 *   true by default, as the authors do.
 * @throws {ConfigError}
 */
export function carliniWagner(options: Options<'carliniWagner'> = {}): CarliniWagnerSpec {
  return construct(attackDescriptors.carliniWagner, options);
}

/**
 * Decoupling direction and norm (Rony et al. 2019), of minimum norm in l2: gradient steps turn the direction of the change,
 * while its length shrinks where the goal is reached and grows where it is not; then the closest that were met are moved
 * towards the original by bisection, which the paper does not do: in the order of their distance, each but the first if it is
 * adversarial where it would be the closest. A gradient a step, of two queries; one query a candidate but the first, and one a
 * bisection. Runs once for all epsilons, or for none.
 *
 * @param options.norm `'l2'`, the only one.
 * @param options.steps >= 1; 100 by default.
 * @param options.gamma share by which the length changes at each step, in (0, 1); 0.05 by default.
 * @param options.initialNorm the first length, in pixel units, > 0; 1 by default.
 * @param options.bisections 0 (as in the paper) to 50; 10 by default.
 * @param options.candidates how many are moved, 1 to 100; 10 by default. They are held in memory.
 * @throws {ConfigError}
 */
export function ddn(options: Options<'ddn'> = {}): DdnSpec {
  return construct(attackDescriptors.ddn, options);
}

/**
 * The fast minimum-norm attack (Pintor et al. 2021): gradient steps on the margin, each projected to a ball whose radius
 * shrinks where the goal is reached and grows where it is not. A gradient a step, of two queries. Runs once for all
 * epsilons, or for none.
 *
 * @param options.norm `'linf'` by default, `'l2'`, `'l1'` or `'l0'`.
 * @param options.steps >= 1; 100 by default.
 * @param options.stepSize length (in l2) of the first step in pixel units, > 0; 1 by default. The last is a hundredth of it.
 * @param options.gamma share by which the radius changes at first, in (0, 1); 0.05 by default, at last 0.001.
 * @throws {ConfigError}
 */
export function fmn(options: Options<'fmn'> = {}): FmnSpec {
  return construct(attackDescriptors.fmn, options);
}

/**
 * sigma-zero (Cinà et al. 2024), of minimum norm in l0: the fewest values that have to differ. Adam on the margin and on a
 * smooth count of changes; those below a threshold are undone after each step. A gradient a step, of two queries. Runs once
 * for all epsilons, or for none.
 *
 * @param options.norm `'l0'`, the only one.
 * @param options.steps >= 1; 1,000 by default.
 * @param options.learningRate of Adam at first, in pixel units, > 0; 1 by default. A cosine leads to a tenth of it.
 * @param options.sigma of the smooth count, > 0; 1e-3 by default. The smaller, the closer to the count.
 * @param options.threshold change that is undone at first, 0 to 1; 0.3 by default.
 * @param options.thresholdStep by how much it changes at first, >= 0; 0.01 by default. It falls as the learning rate does.
 * @throws {ConfigError}
 */
export function sigmaZero(options: Options<'sigmaZero'> = {}): SigmaZeroSpec {
  return construct(attackDescriptors.sigmaZero, options);
}

/**
 * Primal-dual proximal gradient descent (Matyasko & Chau 2021), of minimum norm: Adam on how far the logits are from the
 * goal and the proximal operator of the norm, in turn, while the norm's weight rises where the goal is reached and falls
 * where it is not. A gradient a step, of two queries. Runs once for all epsilons, or for none.
 *
 * @param options.norm `'linf'` by default, `'l2'`, `'l1'` or `'l0'`.
 * @param options.steps >= 1; 100 by default.
 * @param options.learningRate of Adam, in pixel units, > 0; 0.1 by default. A hundredth of it is left in the end.
 * @param options.dualRate by how much the logarithm of the norm's weight changes at first, > 0; 0.1 by default, in l0 0.3.
 * @param options.initialRatio the norm's weight beside the goal's at first, > 0; by default 1 in linf, 0.1 in l2, 0.01 in l1
 *   and 0.0001 in l0.
 * @throws {ConfigError}
 */
export function pdpgd(options: Options<'pdpgd'> = {}): PdpgdSpec {
  return construct(attackDescriptors.pdpgd, options);
}
