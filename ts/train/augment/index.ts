/** All augmentations by type, and how a batch goes through a list of them. */
import { Random, STREAMS } from '../../base/random.js';
import { array, family, type Member, refined, variant } from '../../base/schema.js';
import type { Targets } from '../loss.js';
import { cutOut, cutOutDescriptor } from './cutOut.js';
import { flip, flipDescriptor } from './flip.js';
import { type MixUpSpec, mixUp, mixUpDescriptor } from './mixUp.js';
import { padCrop, padCropDescriptor } from './padCrop.js';
import type { Change } from './picture.js';

export const augmentDescriptors = family({
  cutOut: cutOutDescriptor,
  flip: flipDescriptor,
  mixUp: mixUpDescriptor,
  padCrop: padCropDescriptor,
});

/** Any augmentation, as plain data. */
export type AugmentSpec = Member<typeof augmentDescriptors>;

export const augmentSchema = variant(augmentDescriptors, 'an augmentation made by augment.*');

/** A list of them, gone through in order. */
export const augmentListSchema = refined(array(augmentSchema, 'a list of augmentations'), (list) =>
  list.filter(mixes).length > 1 ? 'expected one mixture of samples at most, got several' : undefined,
);

/** Whether targets are mixed. */
export function mixes({ type }: AugmentSpec): boolean {
  return augmentDescriptors[type].traits.mixes;
}

type ChangeSpec = Exclude<AugmentSpec, MixUpSpec>;

const changes: { [Type in ChangeSpec['type']]: Change<Extract<ChangeSpec, { type: Type }>> } = {
  cutOut,
  flip,
  padCrop,
};

/** Samples on their way into training. */
export interface Drawn {
  /** `[n, C, H, W]`, changed in place. */
  x: Float32Array;
  /** `[C, H, W]` */
  shape: readonly [number, number, number];
  labels: Int32Array;
  /** Number of each sample in its dataset. */
  numbers: Uint32Array;
}

/** Which random numbers are meant: those of a sample depend on the epoch alone, those of a mixture on the step. */
export interface Draw {
  seed: number;
  epoch: number;
  step: number;
}

/** Augments a batch; gives what it is to be taken for. */
export function augmented(list: readonly AugmentSpec[], { x, shape, labels, numbers }: Drawn, draw: Draw): Targets {
  const [channels, height, width] = shape;
  const size = channels * height * width;
  const randoms = Array.from(
    numbers,
    (number) => new Random(draw.seed, STREAMS.augmentation + draw.epoch * 2 ** 32 + number),
  );
  let targets: Targets = { labels };
  for (const spec of list) {
    if (spec.type === 'mixUp') {
      targets = mixUp(spec, x, labels, new Random(draw.seed, STREAMS.mixture + draw.step));
      continue;
    }
    const change = changes[spec.type] as Change<ChangeSpec>;
    for (const [i, random] of randoms.entries()) {
      change(spec, { values: x.subarray(i * size, (i + 1) * size), channels, height, width }, random);
    }
  }
  return targets;
}
