/** DenseNet-BC (Huang et al. 2017), with torchvision's state-dict names and, with its stem, its shapes. */
import { integer, object, optional, some } from '../../base/schema.js';
import type { ModelSpec, ModuleSpec } from '../../graph/containers.js';
import { avgPool2d, batchNorm2d, concat, conv2d, globalAvgPool2d, linear, relu, sequential } from '../layers.js';
import { type Activation, type ActivationChoice, activationSchema, parseOptions } from './activation.js';
import { completedStem, type StemOptions, stemFields, stemModules } from './stem.js';

/** Options of {@link denseNet121}. */
export interface DenseNetOptions extends StemOptions {
  /** In bottlenecks and transitions, or a function of the layer; the last batch norm keeps ReLU, as in the original k-WTA code. */
  activation: ActivationChoice;
  /** After the stem; `nn.relu()` by default. */
  stemActivation?: Activation;
  /** Channels that each layer adds; 32 by default. The stem has twice, a bottleneck four times as many. */
  growth?: number;
  /** Layers of each dense block; [6, 12, 24, 16] by default. Between two blocks channels, height and width are halved. */
  blocks?: number[];
}

const count = integer({ min: 1 });

export const denseNetSchema = object({
  activation: activationSchema,
  stemActivation: optional(activationSchema, () => relu()),
  growth: optional(count, 32),
  blocks: optional(some(count, 'an array of numbers of layers'), () => [6, 12, 24, 16]),
  ...stemFields,
});

/** Stem, dense blocks with transitions between them, BN, ReLU, global average pool, linear. @throws {ConfigError} */
export function denseNet121(given: DenseNetOptions): ModelSpec {
  const { options, activationAt } = parseOptions(denseNetSchema, given, 'denseNet121');
  const { stemActivation, growth, blocks } = options;
  const { stem, classes, input } = completedStem(options);

  // The layer's input and what it adds stand side by side.
  const layer = (name: string): ModuleSpec =>
    concat(
      [
        [],
        [
          batchNorm2d({ name: '.norm1' }),
          activationAt(`${name}.relu1`),
          conv2d({ name: '.conv1', out: 4 * growth, kernel: 1, bias: false }),
          batchNorm2d({ name: '.norm2' }),
          activationAt(`${name}.relu2`),
          conv2d({ name: '.conv2', out: growth, kernel: 3, padding: 1, bias: false }),
        ],
      ],
      { name },
    );

  const transition = (name: string, out: number): ModuleSpec[] => [
    batchNorm2d({ name: `${name}.norm` }),
    activationAt(`${name}.relu`),
    conv2d({ name: `${name}.conv`, out, kernel: 1, bias: false }),
    avgPool2d({ name: `${name}.pool`, kernel: 2 }),
  ];

  let channels = 2 * growth;
  const body: ModuleSpec[] = [];
  for (const [i, layers] of blocks.entries()) {
    for (let j = 1; j <= layers; j++) body.push(layer(`features.denseblock${i + 1}.denselayer${j}`));
    channels += layers * growth;
    if (i === blocks.length - 1) continue;
    channels = Math.floor(channels / 2);
    body.push(...transition(`features.transition${i + 1}`, channels));
  }

  const names = { conv: 'features.conv0', norm: 'features.norm0', pool: 'features.pool0' };
  return sequential(
    [
      ...stemModules(stem, 2 * growth, names, { ...stemActivation, name: 'features.relu0' }),
      ...body,
      batchNorm2d({ name: 'features.norm5' }),
      relu({ name: 'relu' }),
      globalAvgPool2d({ name: 'avgpool' }),
      linear({ name: 'classifier', out: classes }),
    ],
    { input },
  );
}
