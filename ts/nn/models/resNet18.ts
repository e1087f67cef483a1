/** ResNet-18 for 32x32 images (He et al. 2016), with torchvision's state-dict names. */
import { integer, object, optional, parse, type Schema } from '../../base/schema.js';
import { type ModelSpec, type ModuleSpec, modelInput } from '../../graph/containers.js';
import type { KwtaSpec, ReluSpec } from '../../ops/index.js';
import { batchNorm2d, conv2d, globalAvgPool2d, linear, relu, residual, sequential } from '../layers.js';
import { activationSchema } from './activation.js';

/** Options of {@link resNet18}. */
export interface ResNet18Options {
  /** After bn1 of each block and after the residual add: `nn.relu()` or `nn.kwta({ gamma })`. */
  activation: KwtaSpec | ReluSpec;
  /** After the stem; `nn.relu()` by default, as in the original k-WTA code. */
  stemActivation?: KwtaSpec | ReluSpec;
  /** 10 by default. */
  classes?: number;
  /** `[C, H, W]`; [3, 32, 32] by default. */
  input?: [number, number, number];
  /** Channels of the first stage, doubled three times; 64 by default. */
  width?: number;
}

const schema: Schema<unknown, Required<ResNet18Options>> = object({
  activation: activationSchema,
  stemActivation: optional(activationSchema, () => relu()),
  classes: optional(integer({ min: 2 }), 10),
  input: optional(modelInput, () => [3, 32, 32] as const),
  width: optional(integer({ min: 1 }), 64),
});

/** Stem conv3x3, four stages of two basic blocks (strides 1, 2, 2, 2), global average pool, linear. @throws {ConfigError} */
export function resNet18(options: ResNet18Options): ModelSpec {
  const { activation, stemActivation, classes, input, width } = parse(schema, options, 'resNet18');

  // A name that begins with a dot continues the block's.
  const block = (name: string, out: number, stride: number, project: boolean): ModuleSpec[] => [
    residual({
      name,
      main: [
        conv2d({ name: '.conv1', out, kernel: 3, stride, padding: 1, bias: false }),
        batchNorm2d({ name: '.bn1' }),
        { ...activation, name: '.act1' },
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
    { ...activation, name: `${name}.act2` },
  ];

  const stage = (index: number): ModuleSpec[] => {
    const out = width * 2 ** (index - 1);
    const stride = index === 1 ? 1 : 2;
    return [...block(`layer${index}.0`, out, stride, stride > 1), ...block(`layer${index}.1`, out, 1, false)];
  };

  return sequential(
    [
      conv2d({ name: 'conv1', out: width, kernel: 3, padding: 1, bias: false }),
      batchNorm2d({ name: 'bn1' }),
      { ...stemActivation, name: 'act' },
      ...[1, 2, 3, 4].flatMap(stage),
      globalAvgPool2d({ name: 'avgpool' }),
      linear({ name: 'fc', out: classes }),
    ],
    { input },
  );
}
