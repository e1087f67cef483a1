/** Constructors of the attacks that ask for logits alone. */
import { construct } from '../../base/schema.js';
import type { Options } from '../options.js';
import { attackDescriptors } from '../table.js';
import type { EstimatedGradientSpec } from './estimatedGradient.js';
import type { SquareSpec } from './square.js';

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
