/** What an augmentation works on: one sample, changed in place. */
import type { Random } from '../../base/random.js';

/** `[C, H, W]` */
export interface Picture {
  values: Float32Array;
  channels: number;
  height: number;
  width: number;
}

/** What is true of an augmentation. */
export interface AugmentTraits {
  /** A sample becomes a mixture of two, and so does its target. */
  mixes: boolean;
}

/** How one kind of augmentation changes a sample; it draws from the sample's own stream, in the order of the list. */
export type Change<Spec> = (spec: Spec, picture: Picture, random: Random) => void;
