/** What is done to training samples before a step, as plain data; a sample gets other random numbers in every epoch. */
import { construct, type Options } from '../base/schema.js';
import type { CutOutSpec } from './augment/cutOut.js';
import type { FlipSpec } from './augment/flip.js';
import { augmentDescriptors as kinds } from './augment/index.js';
import type { MixUpSpec } from './augment/mixUp.js';
import type { PadCropSpec } from './augment/padCrop.js';

/** Moves a sample by up to `padding` >= 1 pixels each way; what comes in from outside is 0. @throws {ConfigError} */
export function padCrop(options: Options<typeof kinds.padCrop>): PadCropSpec {
  return construct(kinds.padCrop, options, 'augment.padCrop');
}

/** Mirrors a sample from left to right with probability `p`, 0.5 by default. @throws {ConfigError} */
export function flip(options: Options<typeof kinds.flip> = {}): FlipSpec {
  return construct(kinds.flip, options, 'augment.flip');
}

/** Sets a square of `size` x `size` pixels to 0, around any pixel (DeVries & Taylor 2017). @throws {ConfigError} */
export function cutOut(options: Options<typeof kinds.cutOut>): CutOutSpec {
  return construct(kinds.cutOut, options, 'augment.cutOut');
}

/**
 * Mixes samples in pairs, and their targets likewise (Zhang et al. 2018), with shares of a Beta(alpha, alpha) distribution;
 * `alpha` from 0.01 to 100, 0.2 to 1 as a rule. The accuracy that training reports is that towards the larger share. For
 * regimes that make no attack of their own. @throws {ConfigError}
 */
export function mixUp(options: Options<typeof kinds.mixUp>): MixUpSpec {
  return construct(kinds.mixUp, options, 'augment.mixUp');
}
