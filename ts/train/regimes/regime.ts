/** What every regime provides: the gradients of a step, made of a batch as it was drawn. */
import type { Random } from '../../base/random.js';
import type { BatchLoss, Network } from '../../graph/network.js';
import type { StepBatch } from '../batches.js';
import type { LossOptions } from '../loss.js';

/** Where points begin is drawn from this. */
export type Draws = Pick<Random, 'normal' | 'uniform'>;

/** A step that is to be taken. */
export interface RegimeStep extends StepBatch {
  network: Network;
  /** What the loss is made with. */
  options: LossOptions;
  /** The step's own stream, for who draws for a whole batch. */
  random: Random;
  /** A stream for each place in the batch. */
  randomOf(place: number): Draws;
  /** What the step before left to be {@link RegimeGradients.kept}; nothing before the first. */
  kept: Float32Array | undefined;
}

/** What a step gives beside the gradients, which lie in the network's parameters. */
export interface RegimeGradients extends BatchLoss {
  /** `[batchSize, C, H, W]`: goes to the step after this one, and into checkpoints. */
  kept?: Float32Array;
}

/** Samples that the network has been trained on, as they are in the data. */
export interface Watched {
  network: Network;
  /** `[n, C, H, W]` */
  x: Float32Array;
  labels: Int32Array;
  random: Random;
}

/** Shares of the watched samples that stay right under attack. */
export interface AttackedAccuracy {
  /** Under the attack that the regime trains with. */
  own: number;
  /** Under ten steps of PGD. */
  pgd: number;
  /** How many they are. */
  samples: number;
}

/** What is true of a regime. */
export interface RegimeTraits {
  /** Its samples may be mixtures of two classes. */
  takesMixtures: boolean;
  /** It changes samples so that they are taken for others, of which there have to be some. */
  perturbs: boolean;
  /** A step depends on what the one before left. */
  keeps: boolean;
  /** After each epoch samples are attacked to see whether training still does what it is for. */
  watches: boolean;
}

/** How one kind of regime works. */
export interface Regime<Spec> {
  /** Leaves the gradients of the mean loss in the parameters; batch norm's running statistics move. */
  gradients(spec: Spec, step: RegimeStep): RegimeGradients;
  /** How samples stand attacks; of regimes that watch. */
  watch(spec: Spec, watched: Watched): AttackedAccuracy;
}

/** For regimes that do not watch. Not a part to be spread into them: a bundler keeps what is spread, and all around it. */
export function watch(): never {
  throw new TypeError('the regime does not watch');
}
