/** All operations by the type of their layer: what they are, and how they are computed. One missing is a type error. */
import { family, type Member, parse } from '../base/schema.js';
import { add, addDescriptor } from './add.js';
import { batchNorm2d, batchNorm2dDescriptor, batchNormFunctional } from './batchNorm2d.js';
import { conv2d, conv2dDescriptor, conv2dFunctional, linear, linearDescriptor, linearFunctional } from './conv2d.js';
import { densify, densifyDescriptor } from './densify.js';
import { dropout, dropoutDescriptor } from './dropout.js';
import { flatten, flattenDescriptor } from './flatten.js';
import { globalAvgPool2d, globalAvgPool2dDescriptor, globalAvgPool2dFunctional } from './globalAvgPool2d.js';
import { kwta, kwtaDescriptor, kwtaFunctional } from './kwta.js';
import { normalize, normalizeDescriptor } from './normalize.js';
import type { Op, OpTraits } from './op.js';
import {
  avgPool2d,
  avgPool2dDescriptor,
  avgPool2dFunctional,
  maxPool2d,
  maxPool2dDescriptor,
  maxPool2dFunctional,
} from './pool2d.js';
import { relu, reluDescriptor, reluFunctional } from './relu.js';
import { logSoftmaxFunctional, softmax, softmaxDescriptor, softmaxFunctional } from './softmax.js';

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

/** What `runtime.functional` offers of them, under PyTorch's names. */
export const functionals = {
  avgPool2d: avgPool2dFunctional,
  batchNorm: batchNormFunctional,
  conv2d: conv2dFunctional,
  globalAvgPool2d: globalAvgPool2dFunctional,
  kwta: kwtaFunctional,
  linear: linearFunctional,
  logSoftmax: logSoftmaxFunctional,
  maxPool2d: maxPool2dFunctional,
  relu: reluFunctional,
  softmax: softmaxFunctional,
};

/** @throws {ConfigError} unless `spec` is an operation that a kernel can run. */
export function checkedOp(spec: OpSpec): OpSpec {
  return parse(descriptors[spec.type].schema, spec, spec.type);
}

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
