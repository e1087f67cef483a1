/** WideResNet (Zagoruyko & Komodakis 2016), pre-activation, with the state-dict names of RobustBench's. */
import { integer, object, optional, refined, type Schema } from '../../base/schema.js';
import { type ModelSpec, type ModuleSpec, modelInput } from '../../graph/containers.js';
import { batchNorm2d, conv2d, globalAvgPool2d, linear, residual, sequential } from '../layers.js';
import { type ActivationChoice, activationSchema, parseOptions } from './activation.js';

/** Options of {@link wideResNet}. */
export interface WideResNetOptions {
  /** Before every convolution but the first, and before the classifier; or a function of the layer. */
  activation: ActivationChoice;
  /** Layers, 6 n + 4; 28 by default. */
  depth?: number;
  /** Factor of the channels of all stages; 10 by default. */
  widen?: number;
  /** 10 by default. */
  classes?: number;
  /** `[C, H, W]`; [3, 32, 32] by default. */
  input?: [number, number, number];
  /** Channels of the stem, and of the first stage before it is widened; 16 by default. */
  width?: number;
}

const count = integer({ min: 1 });

export const wideResNetFields = {
  activation: activationSchema,
  depth: optional(integer({ min: 10 }), 28),
  widen: optional(count, 10),
  classes: optional(integer({ min: 2 }), 10),
  input: optional(modelInput, () => [3, 32, 32] as const),
  width: optional(count, 16),
};

/** `schema` with the depths that there are. */
export function withDepths<S extends Schema<unknown, { depth: number }>>(schema: S) {
  return refined(
    schema,
    ({ depth }) => ((depth - 4) % 6 === 0 ? undefined : `expected 6 n + 4 layers, as 16, 28 or 34, got ${depth}`),
    'depth',
  );
}

const schema = withDepths(object(wideResNetFields));

/** Stem, three stages of pre-activation blocks (strides 1, 2, 2), BN, activation, global average pool, linear. @throws {ConfigError} */
export function wideResNet(given: WideResNetOptions): ModelSpec {
  const { options, activationAt } = parseOptions(schema, given, 'wideResNet');
  const { depth, widen, classes, input, width } = options;
  const blocks = (depth - 4) / 6;

  const block = (name: string, from: number, out: number, stride: number): ModuleSpec[] => {
    const before = [batchNorm2d({ name: `${name}.bn1` }), activationAt(`${name}.relu1`)];
    const main = [
      conv2d({ name: '.conv1', out, kernel: 3, stride, padding: 1, bias: false }),
      batchNorm2d({ name: '.bn2' }),
      activationAt(`${name}.relu2`),
      conv2d({ name: '.conv2', out, kernel: 3, padding: 1, bias: false }),
    ];
    // Where channels change, the shortcut begins behind the activation.
    if (from === out) return [residual({ name, main: [...before, ...main] })];
    const shortcut = [conv2d({ name: '.convShortcut', out, kernel: 1, stride, bias: false })];
    return [...before, residual({ name, main, shortcut })];
  };

  const widths = [width, ...[0, 1, 2].map((stage) => width * widen * 2 ** stage)];
  const stage = (index: number): ModuleSpec[] =>
    Array.from({ length: blocks }, (_, i) => {
      const [from, stride] = i === 0 ? [widths[index - 1], index > 1 ? 2 : 1] : [widths[index], 1];
      return block(`block${index}.layer.${i}`, from, widths[index], stride);
    }).flat();

  return sequential(
    [
      conv2d({ name: 'conv1', out: width, kernel: 3, padding: 1, bias: false }),
      ...[1, 2, 3].flatMap(stage),
      batchNorm2d({ name: 'bn1' }),
      activationAt('relu'),
      globalAvgPool2d({ name: 'avgpool' }),
      linear({ name: 'fc', out: classes }),
    ],
    { input },
  );
}
