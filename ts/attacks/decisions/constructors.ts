/** Constructors of the attacks that ask for decisions alone. */
import { construct } from '../../base/schema.js';
import type { Options } from '../options.js';
import { attackDescriptors } from '../table.js';
import type { BoundarySpec } from './boundary.js';
import type { GeoDaSpec } from './geoDa.js';
import type { HopSkipJumpSpec } from './hopSkipJump.js';
import type { RaysSpec } from './rays.js';
import type { SignOptSpec } from './signOpt.js';

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
