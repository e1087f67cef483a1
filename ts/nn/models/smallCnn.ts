/** Three convolution blocks for 28x28 images: the network of the demo. */
import { checkChoice, checkInteger } from '../../base/check.js';
import type { ModelSpec, ModuleSpec } from '../../graph/graph.js';
import type { KwtaSpec, ReluSpec } from '../../ops/index.js';
import { batchNorm2d, conv2d, flatten, globalAvgPool2d, linear, sequential } from '../layers.js';

/** Options of {@link smallCnn}. */
export interface SmallCnnOptions {
  /** `nn.relu()` or `nn.kwta({ gamma })`, after every batch norm. */
  activation: KwtaSpec | ReluSpec;
  /** 10 by default. */
  classes?: number;
  /** `[C, H, W]`; [1, 28, 28] by default. */
  input?: [number, number, number];
  /** Channels of the three blocks; [16, 32, 64] by default. */
  channels?: [number, number, number];
  /** What the classifier sees: the mean over pixels (`'average'`, the default), or every pixel (`'flatten'`). */
  head?: 'average' | 'flatten';
}

/**
 * conv3x3-BN-activation three times (strides 1, 2, 2), head, linear.
 *
 * @throws {ConfigError}
 */
export function smallCnn(options: SmallCnnOptions): ModelSpec {
  const { activation, classes = 10, input = [1, 28, 28], channels = [16, 32, 64], head = 'average' } = options;
  checkInteger('smallCnn.classes', classes, { min: 2 });
  checkChoice('smallCnn.head', head, ['average', 'flatten']);
  const block = (out: number, stride: number): ModuleSpec[] => [
    conv2d({ out, kernel: 3, stride, padding: 1, bias: false }),
    batchNorm2d(),
    activation,
  ];
  const layers = [...block(channels[0], 1), ...block(channels[1], 2), ...block(channels[2], 2)];
  return sequential([...layers, head === 'average' ? globalAvgPool2d() : flatten(), linear({ out: classes })], {
    input,
  });
}
