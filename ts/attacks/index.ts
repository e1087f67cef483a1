/** Attacks as plain data, checked where they are written: `model.attack(attacks.pgd({ steps: 40 }), ...)`. */
import { ConfigError } from '../base/errors.js';
import { construct, type Options as OptionsOf } from '../base/schema.js';
import { describe } from '../base/tensor.js';
import type { EstimatedGradientSpec } from './blackBox/estimatedGradient.js';
import type { SquareSpec } from './blackBox/square.js';
import type { AdaptiveKwtaSpec } from './cascades/adaptiveKwta.js';
import type { AutoAttackSpec } from './cascades/autoAttack.js';
import type { Norm } from './core/norms.js';
import type { BoundarySpec } from './decisions/boundary.js';
import type { GeoDaSpec } from './decisions/geoDa.js';
import type { HopSkipJumpSpec } from './decisions/hopSkipJump.js';
import type { RaysSpec } from './decisions/rays.js';
import type { SignOptSpec } from './decisions/signOpt.js';
import type { ApgdSpec } from './fixed/apgd.js';
import type { BimSpec } from './fixed/bim.js';
import type { FgsmSpec } from './fixed/fgsm.js';
import type { MimSpec } from './fixed/mim.js';
import type { NoiseSpec } from './fixed/noise.js';
import type { PgdSpec } from './fixed/pgd.js';
import type { CarliniWagnerSpec } from './minimal/carliniWagner.js';
import type { DdnSpec } from './minimal/ddn.js';
import type { DeepFoolSpec } from './minimal/deepFool.js';
import type { FabSpec } from './minimal/fab.js';
import type { FmnSpec } from './minimal/fmn.js';
import type { PdpgdSpec } from './minimal/pdpgd.js';
import type { SigmaZeroSpec } from './minimal/sigmaZero.js';
import { type AttackSpec, attackDescriptors } from './table.js';
import type { BpdaSpec } from './wrappers/bpda.js';
import type { MinimalSpec } from './wrappers/minimal.js';
import type { RestartsSpec } from './wrappers/restarts.js';
import type { SmoothedSpec } from './wrappers/smoothed.js';
import type { TransferSpec } from './wrappers/transfer.js';

/** Options of an attack's constructor. */
type Options<Type extends keyof typeof attackDescriptors> = OptionsOf<(typeof attackDescriptors)[Type]>;

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
 * while its length shrinks where the goal is reached and grows where it is not. A gradient a step, of two queries. Runs
 * once for all epsilons, or for none.
 *
 * @param options.norm `'l2'`, the only one.
 * @param options.steps >= 1; 100 by default.
 * @param options.gamma share by which the length changes at each step, in (0, 1); 0.05 by default.
 * @param options.initialNorm the first length, in pixel units, > 0; 1 by default.
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

/**
 * Ascent on the margin loss along a gradient estimated from logits by antithetic Gaussian sampling (Tramer
 * et al. 2020) or simultaneous perturbation. A sample is left alone once it has reached its goal.
 *
 * @param options.norm `'linf'` by default, `'l2'`, or `'l1'`: sparse steps as those of {@link fgsm}, along the estimate.
 * @param options.steps steps, >= 1; 100 by default.
 * @param options.stepSize in pixel units, > 0; the larger of epsilon / 4 and 2.5 * epsilon / steps by default: an estimate is
 *   mostly noise, and many small steps along it end near where they began.
 * @param options.estimator `'gaussian'` by default, or `'spsa'`: every pixel of a direction is 1 or -1 (Uesato et al. 2018).
 *   The ascent is the same for both, without the Adam of that paper.
 * @param options.sigma standard deviation of the noise in pixel units, > 0; 8/255 by default.
 * @param options.samples logit queries of each step, even and >= 2; 100 by default. A list is a schedule: the
 *   steps are divided evenly between its entries, as in [100, 1000, 20000].
 * @throws {ConfigError}
 */
export function estimatedGradient(options: Options<'estimatedGradient'> = {}): EstimatedGradientSpec {
  return construct(attackDescriptors.estimatedGradient, options);
}

/**
 * Random search that looks at logits only: a square window of the image changes with every query, and the change stays
 * when the margin grows (Andriushchenko et al. 2020). Needs no gradient, so that none can be hidden from it.
 *
 * @param options.norm `'linf'` by default, `'l2'` or `'l1'`.
 * @param options.queries logit queries of a sample in each run, >= 1; 5,000 by default.
 * @param options.p share of the image that the first windows cover, in (0, 1]; 0.8 by default. It is halved at 10, 50,
 *   200, 500, 1,000, 2,000, 4,000, 6,000 and 8,000 10,000ths of the queries.
 * @param options.restarts runs from different starts, on the samples that are left, >= 1; 1 by default.
 * @throws {ConfigError}
 */
export function square(options: Options<'square'> = {}): SquareSpec {
  return construct(attackDescriptors.square, options);
}

/**
 * HopSkipJump (Chen, Jordan & Wainwright 2020): sees which class is given, and nothing else. From a random adversarial image to
 * the border of its region; there, again and again, a step along the border's normal, which is estimated from random
 * points around, and back to the border on the way to the sample. An attack of minimum norm, which runs once for all
 * epsilons, or for none. A sample for which no random image is adversarial counts as not attacked; with targets that is
 * common.
 *
 * All steps together ask about 35,000 queries; with `maxQueries` the closest adversarial so far counts.
 *
 * @param options.norm `'linf'` by default, or `'l2'`.
 * @param options.steps >= 1; 64 by default.
 * @param options.initialEvaluations queries of the first estimate, >= 1; 100 by default. That of step t has sqrt(t) times as
 *   many.
 * @param options.maxEvaluations queries that no estimate goes beyond, >= 1; 10,000 by default.
 * @throws {ConfigError}
 */
export function hopSkipJump(options: Options<'hopSkipJump'> = {}): HopSkipJumpSpec {
  return construct(attackDescriptors.hopSkipJump, options);
}

/**
 * The boundary attack (Brendel, Rauber & Bethge 2018): sees which class is given, and nothing else. A random walk along the
 * border of the adversarial region, ever nearer to the sample: each step goes aside and then inwards, one query for both, and
 * one more in ten steps. An attack of minimum norm in l2. What {@link hopSkipJump} says of images to begin at holds here too.
 *
 * @param options.norm `'l2'`.
 * @param options.queries of a sample, >= 1; 25,000 by default.
 * @param options.sphericalStep length of the first step aside, as a share of the distance, > 0; 0.01 by default.
 * @param options.sourceStep likewise inwards, in (0, 1); 0.01 by default.
 * @param options.adaptation factor by which steps grow and shrink, > 1; 1.5 by default.
 * @throws {ConfigError}
 */
export function boundary(options: Options<'boundary'> = {}): BoundarySpec {
  return construct(attackDescriptors.boundary, options);
}

/**
 * RayS (Chen & Gu 2020): sees which class is given, and nothing else. Looks for the corner of the cube around the sample, a
 * sign for each pixel, towards which the adversarial region begins nearest: signs are turned over in blocks, half as large in
 * each round. An attack of minimum norm in linf. The paper has no targets; here they are taken, and the search begins at a
 * black-and-white image of the target's class. What {@link hopSkipJump} says of images to begin at holds here too.
 *
 * @param options.norm `'linf'`.
 * @param options.queries of a sample, >= 1; 10,000 by default.
 * @throws {ConfigError}
 */
export function rays(options: Options<'rays'> = {}): RaysSpec {
  return construct(attackDescriptors.rays, options);
}

/**
 * Sign-OPT (Cheng et al. 2020): sees which class is given, and nothing else. Descends on the distance at which the adversarial
 * region begins, by the direction: one query tells whether another direction meets it sooner, and the mean of `k` random ones
 * is the gradient. An attack of minimum norm in l2. What {@link hopSkipJump} says of images to begin at holds here too.
 *
 * @param options.norm `'l2'`.
 * @param options.queries of a sample, >= 1; 20,000 by default.
 * @param options.k directions for each gradient, >= 1; 200 by default.
 * @throws {ConfigError}
 */
export function signOpt(options: Options<'signOpt'> = {}): SignOptSpec {
  return construct(attackDescriptors.signOpt, options);
}

/**
 * GeoDA (Rahmati, Moosavi-Dezfooli, Frossard & Dai 2020): sees which class is given, and nothing else. Takes the border of the
 * adversarial region for flat, estimates its normal from random directions of low frequency, and goes to the nearest point of
 * such a border. An attack of minimum norm. The paper has no targets; here they are taken. What {@link hopSkipJump} says of images
 * to begin at holds here too.
 *
 * @param options.norm `'linf'` by default, `'l2'` or `'l1'`.
 * @param options.queries of a sample, >= 1; 10,000 by default. They are shared out between rounds, each of which has 1.4
 *   times as many as the one before.
 * @param options.frequencies lowest ones along each side that directions are made of, >= 1; 10 by default, at most the side.
 * @throws {ConfigError}
 */
export function geoDa(options: Options<'geoDa'> = {}): GeoDaSpec {
  return construct(attackDescriptors.geoDa, options);
}

/** A model that lives in the same runtime. */
interface ModelHandle {
  readonly id: string;
}

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
 * AutoAttack (Croce & Hein 2020, in l1 2021): attacks that have no parameter to choose, each on what the ones before have
 * left. `'standard'`: APGD on cross entropy, APGD on targeted DLR for 9 classes, targeted FAB for 9 classes, Square with
 * 5,000 queries. `'plus'`: with more restarts, untargeted DLR and FAB, too. `'rand'`, for randomised models: APGD on
 * cross entropy and DLR, each gradient the mean of 20. With too few classes for a DLR loss the margin takes its place, and a warning
 * says so. The result's `stages` tell what each attack did.
 *
 * @param options.norm `'linf'` by default, `'l2'` or `'l1'`.
 * @param options.version `'standard'` by default.
 * @param options.attacks others in place of the version's, in the same norm.
 * @throws {ConfigError}
 */
export function autoAttack(options: Options<'autoAttack'> = {}): AutoAttackSpec {
  return construct(attackDescriptors.autoAttack, options);
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

/**
 * The cascade for networks that are discontinuous, each attack on what the ones before have left: examples made on a
 * student, gradients softened at the k-WTA layers (the true one where there is none), squares, and a gradient estimated from
 * outputs; with the full budget also smoothed gradients and the schedule of Tramer et al. (2020). The result's
 * `stages` tell what each did.
 *
 * @param options.norm `'linf'` by default, `'l2'`, `'l1'` or `'l0'`: there sigma-zero along softened gradients and the true one,
 *   and salt and pepper in place of squares.
 * @param options.budget `'quick'` (the default): at most 10,000 queries a sample. `'full'`: at most 1,000,000 on what is
 *   left, which takes about a minute for each sample that nothing breaks.
 * @param options.source a model to make examples on, as `distill` makes one; without it nothing is transferred, and a
 *   warning says so.
 * @throws {ConfigError}
 */
export function adaptiveKwta({ source, ...rest }: AdaptiveOptions = {}): AdaptiveKwtaSpec {
  return construct(attackDescriptors.adaptiveKwta, {
    ...rest,
    ...(source !== undefined && { source: idOf(source, 'adaptiveKwta.source') }),
  });
}

/** Options of {@link adaptiveKwta}. */
type AdaptiveOptions = Omit<Options<'adaptiveKwta'>, 'source'> & { source?: ModelHandle };

/** @throws {ConfigError} */
function idOf(model: ModelHandle, argument: string): string {
  if (typeof model?.id !== 'string') throw new ConfigError(`${argument}: expected a model, got ${describe(model)}`);
  return model.id;
}

export type {
  AdaptiveKwtaSpec,
  ApgdSpec,
  AttackSpec,
  AutoAttackSpec,
  BimSpec,
  BoundarySpec,
  BpdaSpec,
  CarliniWagnerSpec,
  DdnSpec,
  DeepFoolSpec,
  EstimatedGradientSpec,
  FabSpec,
  FgsmSpec,
  FmnSpec,
  GeoDaSpec,
  HopSkipJumpSpec,
  MimSpec,
  MinimalSpec,
  NoiseSpec,
  Norm,
  PdpgdSpec,
  PgdSpec,
  RaysSpec,
  RestartsSpec,
  SigmaZeroSpec,
  SignOptSpec,
  SmoothedSpec,
  SquareSpec,
  TransferSpec,
};
