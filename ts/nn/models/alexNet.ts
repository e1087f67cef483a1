/** AlexNet (Krizhevsky 2014) in the form that is used on CIFAR, or as in torchvision, with its state-dict names. */
import { integer, object, optional } from '../../base/schema.js';
import type { ModelSpec, ModuleSpec } from '../../graph/containers.js';
import { conv2d, dropout, flatten, linear, maxPool2d, sequential } from '../layers.js';
import { type ActivationChoice, activationSchema, parseOptions } from './activation.js';
import { completedStem, type StemOptions, stemFields } from './stem.js';

/** Options of {@link alexNet}. */
export interface AlexNetOptions extends Omit<StemOptions, 'stem'> {
  /** After every hidden layer; or a function of the layer. */
  activation: ActivationChoice;
  /**
   * `'cifar'` (the default): pooling over 2x2 and one linear layer behind the convolutions. `'imageNet'`: as in
   * torchvision, pooling over 3x3 and three linear layers with dropout, for images of 224x224 pixels.
   */
  stem?: 'cifar' | 'imageNet';
  /** Channels of the first convolution; the others have 3, 6, 4 and 4 times as many, the linear layers 64 times. 64 by default. */
  width?: number;
}

export const alexNetSchema = object({
  activation: activationSchema,
  width: optional(integer({ min: 1 }), 64),
  ...stemFields,
});

/** Five convolutions with three poolings, and the classifier. @throws {ConfigError} */
export function alexNet(given: AlexNetOptions): ModelSpec {
  const { options, activationAt } = parseOptions(alexNetSchema, given, 'alexNet');
  const { width } = options;
  const { stem, classes, input } = completedStem(options);
  const cifar = stem === 'cifar';

  // Positions in torchvision's sequences are the names.
  const convolution = (at: number, out: number, kernel: number, padding: number, stride = 1): ModuleSpec[] => [
    conv2d({ name: `features.${at}`, out, kernel, padding, stride }),
    activationAt(`features.${at + 1}`),
  ];
  const pool = (at: number): ModuleSpec =>
    maxPool2d({ name: `features.${at}`, ...(cifar ? { kernel: 2 } : { kernel: 3, stride: 2 }) });
  const hidden = (at: number): ModuleSpec[] => [
    dropout({ name: `classifier.${at}`, p: 0.5 }),
    linear({ name: `classifier.${at + 1}`, out: 64 * width }),
    activationAt(`classifier.${at + 2}`),
  ];

  return sequential(
    [
      ...convolution(0, width, 11, cifar ? 5 : 2, 4),
      pool(2),
      ...convolution(3, 3 * width, 5, 2),
      pool(5),
      ...convolution(6, 6 * width, 3, 1),
      ...convolution(8, 4 * width, 3, 1),
      ...convolution(10, 4 * width, 3, 1),
      pool(12),
      flatten({ name: 'flatten' }),
      ...(cifar ? [] : [...hidden(0), ...hidden(3)]),
      linear({ name: cifar ? 'classifier' : 'classifier.6', out: classes }),
    ],
    { input },
  );
}
