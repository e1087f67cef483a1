/** Constructors of the attacks that run others one after the other. */
import { construct } from '../../base/schema.js';
import { idOf, type ModelHandle, type Options } from '../options.js';
import { attackDescriptors } from '../table.js';
import type { AdaptiveKwtaSpec } from './adaptiveKwta.js';
import type { AutoAttackSpec } from './autoAttack.js';

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
