/** What every regime provides: the samples that a step trains on. */
import type { Random } from '../../base/random.js';
import type { Network } from '../../graph/network.js';

/** A batch as it was drawn. */
export interface Drawn {
  network: Network;
  /** `[n, C, H, W]` */
  x: Float32Array;
  labels: Int32Array;
  /** The step's own stream. */
  random: Random;
}

/** What is true of a regime. */
export interface RegimeTraits {
  /** Its samples may be mixtures of two classes. */
  takesMixtures: boolean;
}

/** How one kind of regime works. */
export interface Regime<Spec> {
  samples(spec: Spec, drawn: Drawn): Float32Array;
}
