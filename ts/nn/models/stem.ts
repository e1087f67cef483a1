/** How a model begins: made for images of 32x32 pixels, or, as in torchvision, for those of ImageNet. */
import { choice, integer, optional } from '../../base/schema.js';
import { type ModuleSpec, modelInput } from '../../graph/containers.js';
import { batchNorm2d, conv2d, maxPool2d } from '../layers.js';
import type { Activation } from './activation.js';

/** Options of a model that has both forms. */
export interface StemOptions {
  /**
   * `'cifar'` (the default): a 3x3 convolution without a stride. `'imageNet'`: as in torchvision, a 7x7 convolution of
   * stride 2 and max pooling.
   */
  stem?: 'cifar' | 'imageNet';
  /** 10 by default; 1000 with the stem `'imageNet'`. */
  classes?: number;
  /** `[C, H, W]`; [3, 32, 32] by default, [3, 224, 224] with the stem `'imageNet'`. */
  input?: [number, number, number];
}

export const stemFields = {
  stem: optional(choice(['cifar', 'imageNet']), 'cifar'),
  classes: optional(integer({ min: 2 })),
  input: optional(modelInput),
};

/** All of them, with the defaults that follow from the stem. */
export function completedStem({ stem = 'cifar', classes, input }: StemOptions): Required<StemOptions> {
  const cifar = stem === 'cifar';
  return { stem, classes: classes ?? (cifar ? 10 : 1000), input: input ?? (cifar ? [3, 32, 32] : [3, 224, 224]) };
}

/** Convolution, batch norm and activation under these names; the last pools, where there is pooling. */
export function stemModules(
  stem: 'cifar' | 'imageNet',
  out: number,
  names: { conv: string; norm: string; pool: string },
  activation: Activation,
): ModuleSpec[] {
  const large = { kernel: 7, stride: 2, padding: 3 };
  const window = stem === 'cifar' ? { kernel: 3, padding: 1 } : large;
  return [
    conv2d({ name: names.conv, out, ...window, bias: false }),
    batchNorm2d({ name: names.norm }),
    activation,
    ...(stem === 'cifar' ? [] : [maxPool2d({ name: names.pool, kernel: 3, stride: 2, padding: 1 })]),
  ];
}
