/** All operations by the type of their layer: what they are, and how they are computed. One missing is a type error. */
import { family, type Member, parse } from '../base/schema.js';
import { add, addDescriptor, addRule } from './add.js';
import { batchNorm2d, batchNorm2dDescriptor, batchNorm2dRule, batchNormFunctional } from './batchNorm2d.js';
import { concat, concatDescriptor, concatRule } from './concat.js';
import {
  conv2d,
  conv2dDescriptor,
  conv2dFunctional,
  conv2dRule,
  linear,
  linearDescriptor,
  linearFunctional,
  linearRule,
} from './conv2d.js';
import { densify, densifyDescriptor, densifyRule } from './densify.js';
import { dropout, dropoutDescriptor, dropoutRule } from './dropout.js';
import { elu, eluDescriptor, eluFunctional } from './elu.js';
import { flatten, flattenDescriptor, flattenRule } from './flatten.js';
import { gelu, geluDescriptor, geluFunctional } from './gelu.js';
import {
  globalAvgPool2d,
  globalAvgPool2dDescriptor,
  globalAvgPool2dFunctional,
  globalAvgPool2dRule,
} from './globalAvgPool2d.js';
import { groupNorm, groupNormDescriptor, groupNormFunctional, groupNormRule } from './groupNorm.js';
import { kwta, kwtaDescriptor, kwtaFunctional, kwtaRule } from './kwta.js';
import { layerNorm, layerNormDescriptor, layerNormFunctional, layerNormRule } from './layerNorm.js';
import { leakyRelu, leakyReluDescriptor, leakyReluFunctional } from './leakyRelu.js';
import { normalize, normalizeDescriptor, normalizeRule } from './normalize.js';
import type { Op, OpRule, OpTraits } from './op.js';
import { pointwiseRule } from './pointwise.js';
import {
  avgPool2d,
  avgPool2dDescriptor,
  avgPool2dFunctional,
  avgPool2dRule,
  maxPool2d,
  maxPool2dDescriptor,
  maxPool2dFunctional,
  maxPool2dRule,
} from './pool2d.js';
import { relu, reluDescriptor, reluFunctional, reluRule } from './relu.js';
import { silu, siluDescriptor, siluFunctional } from './silu.js';
import { logSoftmaxFunctional, softmax, softmaxDescriptor, softmaxFunctional, softmaxRule } from './softmax.js';

/** Layers that users write. */
export const layerDescriptors = family({
  avgPool2d: avgPool2dDescriptor,
  batchNorm2d: batchNorm2dDescriptor,
  conv2d: conv2dDescriptor,
  dropout: dropoutDescriptor,
  elu: eluDescriptor,
  flatten: flattenDescriptor,
  gelu: geluDescriptor,
  globalAvgPool2d: globalAvgPool2dDescriptor,
  groupNorm: groupNormDescriptor,
  kwta: kwtaDescriptor,
  layerNorm: layerNormDescriptor,
  leakyRelu: leakyReluDescriptor,
  linear: linearDescriptor,
  maxPool2d: maxPool2dDescriptor,
  normalize: normalizeDescriptor,
  relu: reluDescriptor,
  silu: siluDescriptor,
});

/** What containers, plans and `runtime.functional` put in beside them. */
const innerDescriptors = family({
  add: addDescriptor,
  concat: concatDescriptor,
  densify: densifyDescriptor,
  softmax: softmaxDescriptor,
});

const descriptors = { ...layerDescriptors, ...innerDescriptors };

/** A layer as users write it: plain data. */
export type LayerSpec = Member<typeof layerDescriptors>;

/** A node of the graph: a layer, or what joins layers. */
export type OpSpec = Member<typeof descriptors>;

type Rules = { [Type in keyof typeof descriptors]: OpRule<Extract<OpSpec, { type: Type }>> };

const rules: Rules = {
  add: addRule,
  avgPool2d: avgPool2dRule,
  batchNorm2d: batchNorm2dRule,
  concat: concatRule,
  conv2d: conv2dRule,
  densify: densifyRule,
  dropout: dropoutRule,
  elu: pointwiseRule,
  flatten: flattenRule,
  gelu: pointwiseRule,
  globalAvgPool2d: globalAvgPool2dRule,
  groupNorm: groupNormRule,
  kwta: kwtaRule,
  layerNorm: layerNormRule,
  leakyRelu: pointwiseRule,
  linear: linearRule,
  maxPool2d: maxPool2dRule,
  normalize: normalizeRule,
  relu: reluRule,
  silu: pointwiseRule,
  softmax: softmaxRule,
};

type Ops = { [Type in keyof typeof descriptors]: Op<Extract<OpSpec, { type: Type }>> };

const ops: Ops = {
  add,
  avgPool2d,
  batchNorm2d,
  concat,
  conv2d,
  densify,
  dropout,
  elu,
  flatten,
  gelu,
  globalAvgPool2d,
  groupNorm,
  kwta,
  layerNorm,
  leakyRelu,
  linear,
  maxPool2d,
  normalize,
  relu,
  silu,
  softmax,
};

/** What `runtime.functional` offers of them, under PyTorch's names. */
export const functionals = {
  avgPool2d: avgPool2dFunctional,
  batchNorm: batchNormFunctional,
  conv2d: conv2dFunctional,
  elu: eluFunctional,
  gelu: geluFunctional,
  globalAvgPool2d: globalAvgPool2dFunctional,
  groupNorm: groupNormFunctional,
  kwta: kwtaFunctional,
  layerNorm: layerNormFunctional,
  leakyRelu: leakyReluFunctional,
  linear: linearFunctional,
  logSoftmax: logSoftmaxFunctional,
  maxPool2d: maxPool2dFunctional,
  relu: reluFunctional,
  silu: siluFunctional,
  softmax: softmaxFunctional,
};

/** @throws {ConfigError} unless `spec` is an operation that a kernel can run. */
export function checkedOp(spec: OpSpec): OpSpec {
  return parse(descriptors[spec.type].schema, spec, spec.type);
}

/** What follows from a node's description. */
export function ruleOf(spec: OpSpec): OpRule<OpSpec> {
  return rules[spec.type] as OpRule<OpSpec>;
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
export type { EluSpec } from './elu.js';
export type { FlattenSpec } from './flatten.js';
export type { GeluSpec } from './gelu.js';
export type { GlobalAvgPool2dSpec } from './globalAvgPool2d.js';
export type { GroupNormSpec } from './groupNorm.js';
export type { KwtaSpec } from './kwta.js';
export type { LayerNormSpec } from './layerNorm.js';
export type { LeakyReluSpec } from './leakyRelu.js';
export type { NormalizeSpec } from './normalize.js';
export type { AvgPool2dSpec, MaxPool2dSpec } from './pool2d.js';
export type { ReluSpec } from './relu.js';
export type { SiluSpec } from './silu.js';
