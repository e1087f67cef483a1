/** All operations by the type of their layer: what they are, and how they are computed. One missing is a type error. */
import { family, type Member } from '../base/schema.js';
import { add, addDescriptor } from './add.js';
import { batchNorm2d, batchNorm2dDescriptor } from './batchNorm2d.js';
import { conv2d, conv2dDescriptor, linear, linearDescriptor } from './conv2d.js';
import { densify, densifyDescriptor } from './densify.js';
import { dropout, dropoutDescriptor } from './dropout.js';
import { flatten, flattenDescriptor } from './flatten.js';
import { globalAvgPool2d, globalAvgPool2dDescriptor } from './globalAvgPool2d.js';
import { kwta, kwtaDescriptor } from './kwta.js';
import { normalize, normalizeDescriptor } from './normalize.js';
import type { Op, OpTraits } from './op.js';
import { avgPool2d, avgPool2dDescriptor, maxPool2d, maxPool2dDescriptor } from './pool2d.js';
import { relu, reluDescriptor } from './relu.js';
import { softmax, softmaxDescriptor } from './softmax.js';

/** Layers that users write. */
export const layerDescriptors = family({
  avgPool2d: avgPool2dDescriptor,
  batchNorm2d: batchNorm2dDescriptor,
  conv2d: conv2dDescriptor,
  dropout: dropoutDescriptor,
  flatten: flattenDescriptor,
  globalAvgPool2d: globalAvgPool2dDescriptor,
  kwta: kwtaDescriptor,
  linear: linearDescriptor,
  maxPool2d: maxPool2dDescriptor,
  normalize: normalizeDescriptor,
  relu: reluDescriptor,
});

/** What containers, plans and `runtime.functional` put in beside them. */
const innerDescriptors = family({
  add: addDescriptor,
  densify: densifyDescriptor,
  softmax: softmaxDescriptor,
});

const descriptors = { ...layerDescriptors, ...innerDescriptors };

/** A layer as users write it: plain data. */
export type LayerSpec = Member<typeof layerDescriptors>;

/** A node of the graph: a layer, or what joins layers. */
export type OpSpec = Member<typeof descriptors>;

type Ops = { [Type in keyof typeof descriptors]: Op<Extract<OpSpec, { type: Type }>> };

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

/** What is true of a node. */
export function traitsOf(spec: OpSpec): OpTraits {
  return descriptors[spec.type].traits;
}

export type { BatchNorm2dSpec } from './batchNorm2d.js';
export type { Conv2dSpec, LinearSpec } from './conv2d.js';
export type { DropoutSpec } from './dropout.js';
export type { FlattenSpec } from './flatten.js';
export type { GlobalAvgPool2dSpec } from './globalAvgPool2d.js';
export type { KwtaSpec } from './kwta.js';
export type { NormalizeSpec } from './normalize.js';
export type { AvgPool2dSpec, MaxPool2dSpec } from './pool2d.js';
export type { ReluSpec } from './relu.js';
