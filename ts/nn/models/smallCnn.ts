/** Three convolution blocks for 28x28 images: the network of the demo. */
import { choice, integer, object, optional, tuple } from '../../base/schema.js';
import { type ModelSpec, type ModuleSpec, modelInput } from '../../graph/containers.js';
import { batchNorm2d, conv2d, flatten, globalAvgPool2d, linear, sequential } from '../layers.js';
import { type ActivationChoice, activationSchema, parseOptions } from './activation.js';

/** Options of {@link smallCnn}. */
export interface SmallCnnOptions {
  /** `nn.relu()`, `nn.kwta({ gamma })`, ..., or a function of the layer, after every batch norm. */
  activation: ActivationChoice;
  /** 10 by default. */
  classes?: number;
  /** `[C, H, W]`; [1, 28, 28] by default. */
  input?: [number, number, number];
  /** Channels of the three blocks; [16, 32, 64] by default. */
  channels?: [number, number, number];
  /** What the classifier sees: the mean over pixels (`'average'`, the default), or every pixel (`'flatten'`). */
  head?: 'average' | 'flatten';
}

const width = integer({ min: 1 });

export const smallCnnSchema = object({
  activation: activationSchema,
  classes: optional(integer({ min: 2 }), 10),
  input: optional(modelInput, () => [1, 28, 28] as const),
  channels: optional(tuple([width, width, width]), () => [16, 32, 64] as const),
  head: optional(choice(['average', 'flatten']), 'average'),
});

/**
 * conv3x3-BN-activation three times (strides 1, 2, 2), head, linear.
 *
 * @throws {ConfigError}
 */
export function smallCnn(given: SmallCnnOptions): ModelSpec {
  const { options, activationAt } = parseOptions(smallCnnSchema, given, 'smallCnn');
  const { classes, input, channels, head } = options;
  // Layers are called by their positions.
  const block = (at: number, out: number, stride: number): ModuleSpec[] => {
    const { name: _, ...activation } = activationAt(`${at + 2}`);
    return [conv2d({ out, kernel: 3, stride, padding: 1, bias: false }), batchNorm2d(), activation];
  };
  const layers = [...block(0, channels[0], 1), ...block(3, channels[1], 2), ...block(6, channels[2], 2)];
  return sequential([...layers, head === 'average' ? globalAvgPool2d() : flatten(), linear({ out: classes })], {
    input,
  });
}
