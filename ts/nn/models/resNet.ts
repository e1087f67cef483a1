/** ResNet-18 and ResNet-34 (He et al. 2016), with torchvision's state-dict names and, with its stem, its shapes. */
import { integer, object, optional } from '../../base/schema.js';
import type { ModelSpec, ModuleSpec } from '../../graph/containers.js';
import { batchNorm2d, conv2d, globalAvgPool2d, linear, relu, residual, sequential } from '../layers.js';
import { type Activation, type ActivationChoice, activationSchema, parseOptions } from './activation.js';
import { completedStem, type StemOptions, stemFields, stemModules } from './stem.js';

/** Options of {@link resNet18} and {@link resNet34}. */
export interface ResNetOptions extends StemOptions {
  /** After bn1 of each block and after the residual add: `nn.kwta({ gamma })`, `nn.relu()`, ..., or a function of the layer. */
  activation: ActivationChoice;
  /** After the stem; `nn.relu()` by default, as in the original k-WTA code. */
  stemActivation?: Activation;
  /** Channels of the first stage, doubled three times; 64 by default. */
  width?: number;
}

export const resNetSchema = object({
  activation: activationSchema,
  stemActivation: optional(activationSchema, () => relu()),
  width: optional(integer({ min: 1 }), 64),
  ...stemFields,
});

/** Stem, four stages of two basic blocks (strides 1, 2, 2, 2), global average pool, linear. @throws {ConfigError} */
export function resNet18(options: ResNetOptions): ModelSpec {
  return resNet('resNet18', [2, 2, 2, 2], options);
}

/** The same with 3, 4, 6 and 3 basic blocks. @throws {ConfigError} */
export function resNet34(options: ResNetOptions): ModelSpec {
  return resNet('resNet34', [3, 4, 6, 3], options);
}

function resNet(model: string, blocks: readonly number[], given: ResNetOptions): ModelSpec {
  const { options, activationAt } = parseOptions(resNetSchema, given, model);
  const { stemActivation, width } = options;
  const { stem, classes, input } = completedStem(options);

  // A name that begins with a dot continues the block's.
  const block = (name: string, out: number, stride: number, project: boolean): ModuleSpec[] => [
    residual({
      name,
      main: [
        conv2d({ name: '.conv1', out, kernel: 3, stride, padding: 1, bias: false }),
        batchNorm2d({ name: '.bn1' }),
        activationAt(`${name}.act1`),
        conv2d({ name: '.conv2', out, kernel: 3, padding: 1, bias: false }),
        batchNorm2d({ name: '.bn2' }),
      ],
      shortcut: project
        ? [
            conv2d({ name: '.downsample.0', out, kernel: 1, stride, bias: false }),
            batchNorm2d({ name: '.downsample.1' }),
          ]
        : [],
    }),
    activationAt(`${name}.act2`),
  ];

  const stage = (count: number, index: number): ModuleSpec[] =>
    Array.from({ length: count }, (_, i) => {
      const stride = index > 0 && i === 0 ? 2 : 1;
      return block(`layer${index + 1}.${i}`, width * 2 ** index, stride, stride > 1);
    }).flat();

  const names = { conv: 'conv1', norm: 'bn1', pool: 'maxpool' };
  return sequential(
    [
      ...stemModules(stem, width, names, { ...stemActivation, name: 'act' }),
      ...blocks.flatMap(stage),
      globalAvgPool2d({ name: 'avgpool' }),
      linear({ name: 'fc', out: classes }),
    ],
    { input },
  );
}
