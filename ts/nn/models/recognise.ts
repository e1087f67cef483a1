/**
 * Which of the ready-made models weights belong to, from their names and shapes alone: each family reads its sizes off a few of
 * them, and is believed when the model that these describe has the very same names and shapes. What names do not tell is left to
 * whoever asks: the activation, and how large the images are where the classifier sees means over all pixels.
 */
import type { ModelSpec } from '../../graph/containers.js';
import { isCounter, parameterShapes } from '../../graph/parameterSpecs.js';
import type { Activation } from './activation.js';
import { type Images, type ZooSpec, zooModel } from './zoo.js';

/** A model of the zoo but for its activation. */
export interface Recognised {
  /** In words: `ResNet-18, width 64, 10 classes, BatchNorm`. */
  text: string;
  classes: number;
  /** `[C, H, W]`; height and width are the family's usual ones where nothing tells them. */
  input: [number, number, number];
  /** Whether the weights tell height and width. */
  knowsInput: boolean;
  /** The description with this activation, which the original code's places get. */
  withActivation(activation: Activation, input?: readonly [number, number, number]): ModelSpec;
}

type Shapes = ReadonlyMap<string, readonly number[]>;

/** What a family makes of shapes, if its first names are there. */
type Guess = {
  zoo: DistributiveOmit<ZooSpec, 'activation'>;
  text: string;
  batchNorm: boolean;
  knowsInput?: boolean;
} & Images;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

const relu: Activation = { type: 'relu' };

/** The model that has exactly these parameters; running counts of batch norm do not matter. */
export function recognise(shapes: Shapes): Recognised | undefined {
  const own = new Map([...shapes].filter(([name]) => !isCounter(name)));
  for (const family of families) {
    const guess = family(own);
    if (guess !== undefined && fits(guess, own)) return recognised(guess);
  }
  return undefined;
}

function recognised(guess: Guess): Recognised {
  const { text, batchNorm, classes, input, knowsInput = false } = guess;
  return {
    text: `${text}, ${classes} classes${batchNorm ? ', BatchNorm' : ''}`,
    classes,
    input,
    knowsInput,
    withActivation: (activation, own = input) => specOf({ ...guess, input: [...own] }, activation),
  };
}

function specOf({ zoo, classes, input }: Guess, activation: Activation): ModelSpec {
  return zooModel({ ...zoo, activation } as ZooSpec, { classes, input });
}

function fits(guess: Guess, shapes: Shapes): boolean {
  const expected = parameterShapes(specOf(guess, relu));
  return (
    expected.size === shapes.size && [...expected].every(([name, shape]) => shape.join() === shapes.get(name)?.join())
  );
}

/** How many different numbers stand at the place of `(\d+)` in names. */
function countOf(shapes: Shapes, pattern: RegExp): number {
  const found = [...shapes.keys()].map((name) => pattern.exec(name)?.[1]).filter((text) => text !== undefined);
  return new Set(found).size;
}

/** The shapes under these names as long as they have so many extents, or nothing. */
function shapesOf(shapes: Shapes, ranks: Record<string, number>): (readonly number[])[] | undefined {
  const found = Object.entries(ranks).map(([name, rank]) => {
    const shape = shapes.get(name);
    return shape?.length === rank && shape.every((extent) => extent >= 1) ? shape : undefined;
  });
  return found.every((shape) => shape !== undefined) ? found : undefined;
}

function stemOf(kernel: number, large: number): 'cifar' | 'imageNet' {
  return kernel === large ? 'imageNet' : 'cifar';
}

function square(channels: number, stem: 'cifar' | 'imageNet'): [number, number, number] {
  return stem === 'cifar' ? [channels, 32, 32] : [channels, 224, 224];
}

const stemText = { cifar: '', imageNet: ', stem of ImageNet' };

/** More layers than any of the models has would only take time. */
const mostLayers = 200;

const families: readonly ((shapes: Shapes) => Guess | undefined)[] = [resNet, wideResNet, denseNet, alexNet, smallCnn];

function resNet(shapes: Shapes): Guess | undefined {
  const [conv, fc] = shapesOf(shapes, { 'conv1.weight': 4, 'fc.weight': 2, 'layer1.0.conv1.weight': 4 }) ?? [];
  if (conv === undefined) return undefined;
  const blocks = [1, 2, 3, 4].map((stage) => countOf(shapes, new RegExp(`^layer${stage}\\.(\\d+)\\.`)));
  const type = blocks.join() === '3,4,6,3' ? 'resNet34' : 'resNet18';
  const [width, channels, kernel] = conv;
  const stem = stemOf(kernel, 7);
  return {
    zoo: { type, width, stem, stemActivation: relu },
    text: `ResNet-${type === 'resNet34' ? 34 : 18}, width ${width}${stemText[stem]}`,
    batchNorm: true,
    classes: fc[0],
    input: square(channels, stem),
  };
}

function wideResNet(shapes: Shapes): Guess | undefined {
  const ranks = { 'conv1.weight': 4, 'fc.weight': 2, 'block1.layer.0.conv1.weight': 4 };
  const [conv, fc, first] = shapesOf(shapes, ranks) ?? [];
  if (conv === undefined) return undefined;
  const [width, channels] = conv;
  const blocks = Math.min(countOf(shapes, /^block1\.layer\.(\d+)\./), mostLayers);
  const [depth, widen] = [6 * blocks + 4, first[0] / width];
  if (!Number.isInteger(widen)) return undefined;
  return {
    zoo: { type: 'wideResNet', depth, widen, width },
    text: `WideResNet-${depth}-${widen}${width === 16 ? '' : `, width ${width}`}`,
    batchNorm: true,
    classes: fc[0],
    input: square(channels, 'cifar'),
  };
}

function denseNet(shapes: Shapes): Guess | undefined {
  const layer = 'features.denseblock1.denselayer1.conv2.weight';
  const [conv, own, head] = shapesOf(shapes, { 'features.conv0.weight': 4, [layer]: 4, 'classifier.weight': 2 }) ?? [];
  if (conv === undefined) return undefined;
  const count = Math.min(countOf(shapes, /^features\.denseblock(\d+)\./), mostLayers);
  const blocks = Array.from({ length: count }, (_, i) =>
    Math.min(countOf(shapes, new RegExp(`^features\\.denseblock${i + 1}\\.denselayer(\\d+)\\.`)), mostLayers),
  );
  const stem = stemOf(conv[2], 7);
  const name = blocks.join() === '6,12,24,16' ? 'DenseNet-121' : `DenseNet of ${blocks.join(', ')} layers`;
  return {
    zoo: { type: 'denseNet121', growth: own[0], blocks, stem, stemActivation: relu },
    text: `${name}, growth ${own[0]}${stemText[stem]}`,
    batchNorm: true,
    classes: head[0],
    input: square(conv[1], stem),
  };
}

function alexNet(shapes: Shapes): Guess | undefined {
  const [conv] = shapesOf(shapes, { 'features.0.weight': 4, 'features.3.weight': 4 }) ?? [];
  const stem = shapes.has('classifier.6.weight') ? 'imageNet' : 'cifar';
  const head = shapes.get(stem === 'imageNet' ? 'classifier.6.weight' : 'classifier.weight');
  if (conv === undefined || head === undefined) return undefined;
  return {
    zoo: { type: 'alexNet', width: conv[0], stem },
    text: `AlexNet, width ${conv[0]}${stemText[stem]}`,
    batchNorm: false,
    classes: head[0],
    input: square(conv[1], stem),
  };
}

function smallCnn(shapes: Shapes): Guess | undefined {
  const ranks = { '0.weight': 4, '3.weight': 4, '6.weight': 4, '10.weight': 2 };
  const [first, second, third, linear] = shapesOf(shapes, ranks) ?? [];
  if (first === undefined) return undefined;
  const channels: [number, number, number] = [first[0], second[0], third[0]];
  const area = linear[1] / channels[2];
  // The classifier sees every pixel behind two strides of 2, of an image that was square.
  const side = 4 * Math.sqrt(area);
  const head = area === 1 ? 'average' : 'flatten';
  if (!Number.isInteger(side)) return undefined;
  const size = head === 'average' ? 28 : side;
  return {
    zoo: { type: 'smallCnn', channels, head },
    text: `smallCnn, channels ${channels.join(', ')}${head === 'average' ? '' : ', head over every pixel'}`,
    batchNorm: true,
    classes: linear[0],
    input: [first[1], size, size],
    knowsInput: head === 'flatten',
  };
}
