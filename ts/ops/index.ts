/** All operations by the type of their layer. A layer type without an operation is a type error. */
import { type AddSpec, add } from './add.js';
import { type BatchNorm2dSpec, batchNorm2d } from './batchNorm2d.js';
import { type Conv2dSpec, conv2d, type LinearSpec, linear } from './conv2d.js';
import { type DensifySpec, densify } from './densify.js';
import { type DropoutSpec, dropout } from './dropout.js';
import { type FlattenSpec, flatten } from './flatten.js';
import { type GlobalAvgPool2dSpec, globalAvgPool2d } from './globalAvgPool2d.js';
import { type KwtaSpec, kwta } from './kwta.js';
import { type NormalizeSpec, normalize } from './normalize.js';
import type { Op } from './op.js';
import { type AvgPool2dSpec, avgPool2d, type MaxPool2dSpec, maxPool2d } from './pool2d.js';
import { type ReluSpec, relu } from './relu.js';
import { type SoftmaxSpec, softmax } from './softmax.js';

/** A layer as users write it: plain data. */
export type LayerSpec =
  | BatchNorm2dSpec
  | Conv2dSpec
  | DropoutSpec
  | FlattenSpec
  | GlobalAvgPool2dSpec
  | KwtaSpec
  | LinearSpec
  | MaxPool2dSpec
  | AvgPool2dSpec
  | NormalizeSpec
  | ReluSpec;

/** A node of the graph: a layer, or what joins layers. */
export type OpSpec = LayerSpec | AddSpec | DensifySpec | SoftmaxSpec;

type Ops = { [Type in OpSpec['type']]: Op<Extract<OpSpec, { type: Type }>> };

const ops: Ops = {
  add,
  avgPool2d,
  batchNorm2d,
  conv2d,
  densify,
  dropout,
  flatten,
  globalAvgPool2d,
  kwta,
  linear,
  maxPool2d,
  normalize,
  relu,
  softmax,
};

/** The operation of a node. */
export function opOf(spec: OpSpec): Op<OpSpec> {
  return ops[spec.type] as Op<OpSpec>;
}

export type {
  AvgPool2dSpec,
  BatchNorm2dSpec,
  Conv2dSpec,
  DropoutSpec,
  FlattenSpec,
  GlobalAvgPool2dSpec,
  KwtaSpec,
  LinearSpec,
  MaxPool2dSpec,
  NormalizeSpec,
  ReluSpec,
};
