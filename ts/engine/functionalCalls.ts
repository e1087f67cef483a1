/** The operations of `runtime.functional` and `vjp`: how named arguments become calls of the graph's operations. */
import { checkChoice, checkInteger, checkKeys, checkNumber } from '../base/check.js';
import { ShapeError } from '../base/errors.js';
import { checkTensor, shapeText, type Tensor } from '../base/tensor.js';
import {
  type OpCall,
  type OpResult,
  type Reduction,
  runCrossEntropy,
  runMatmul,
  runOp,
  runTopk,
} from '../graph/functional.js';
import type { Workspace } from '../graph/workspace.js';
import * as nn from '../nn/index.js';

/** Arguments by name, for each operation. Shapes are PyTorch's. */
export interface FunctionalArguments {
  kwta: {
    x: Tensor;
    gamma?: number;
    k?: number;
    ties?: 'lowest' | 'keep';
    backward?: 'mask' | 'identity' | 'softmask';
  };
  conv2d: { x: Tensor; weight: Tensor; bias?: Tensor; stride?: number; padding?: number };
  linear: { x: Tensor; weight: Tensor; bias?: Tensor };
  matmul: { a: Tensor; b: Tensor };
  batchNorm: {
    x: Tensor;
    weight?: Tensor;
    bias?: Tensor;
    runningMean?: Tensor;
    runningVar?: Tensor;
    /** True uses the batch's statistics; false by default. */
    training?: boolean;
    eps?: number;
    momentum?: number;
  };
  maxPool2d: { x: Tensor; kernel: number; stride?: number; padding?: number };
  avgPool2d: { x: Tensor; kernel: number; stride?: number; padding?: number };
  globalAvgPool2d: { x: Tensor };
  relu: { x: Tensor };
  softmax: { x: Tensor };
  logSoftmax: { x: Tensor };
  crossEntropy: { x: Tensor; labels: ArrayLike<number>; reduction?: Reduction };
  topk: { x: Tensor; k: number };
}

export type FunctionalName = keyof FunctionalArguments;

/** One call; with `outputGradient`, the backward pass as well. */
export type FunctionalCall = {
  [Name in FunctionalName]: { name: Name; args: FunctionalArguments[Name]; outputGradient?: Tensor };
}[FunctionalName];

/** Output and gradients; `indices` for `topk` alone. */
export interface FunctionalResult extends OpResult {
  indices?: Tensor;
}

/** Names of the arguments, for the check of misspelt ones. */
const known: { [Name in FunctionalName]: (keyof FunctionalArguments[Name])[] } = {
  kwta: ['x', 'gamma', 'k', 'ties', 'backward'],
  conv2d: ['x', 'weight', 'bias', 'stride', 'padding'],
  linear: ['x', 'weight', 'bias'],
  matmul: ['a', 'b'],
  batchNorm: ['x', 'weight', 'bias', 'runningMean', 'runningVar', 'training', 'eps', 'momentum'],
  maxPool2d: ['x', 'kernel', 'stride', 'padding'],
  avgPool2d: ['x', 'kernel', 'stride', 'padding'],
  globalAvgPool2d: ['x'],
  relu: ['x'],
  softmax: ['x'],
  logSoftmax: ['x'],
  crossEntropy: ['x', 'labels', 'reduction'],
  topk: ['x', 'k'],
};

/** Runs a call. @throws {ShapeError}, {ConfigError} or {DataError} naming the argument. */
export function runFunctional(workspace: Workspace, call: FunctionalCall): FunctionalResult {
  checkChoice('functional', call.name, Object.keys(known) as FunctionalName[]);
  checkKeys(call.name, call.args, known[call.name] as string[]);
  const { outputGradient } = call;
  if (outputGradient !== undefined) checkTensor('outputGradient', outputGradient);
  switch (call.name) {
    case 'matmul':
      return runMatmul(workspace, call.args.a, call.args.b, outputGradient);
    case 'crossEntropy': {
      const { x, labels, reduction = 'mean' } = call.args;
      checkChoice('crossEntropy.reduction', reduction, ['mean', 'sum', 'none']);
      return runCrossEntropy(workspace, x, labels, reduction, outputGradient);
    }
    case 'topk':
      return topk(call.args, outputGradient);
    default:
      return renamed(runOp(workspace, opCall(call), outputGradient));
  }
}

function topk({ x, k }: FunctionalArguments['topk'], outputGradient?: Tensor): FunctionalResult {
  const { values, indices } = runTopk(x, k);
  if (!outputGradient) return { output: values, indices, gradients: {} };
  if (shapeText(outputGradient.shape) !== shapeText(values.shape)) {
    throw new ShapeError(`outputGradient: expected ${shapeText(values.shape)}, got ${shapeText(outputGradient.shape)}`);
  }
  const data = new Float32Array(x.data.length);
  const length = x.shape[x.shape.length - 1];
  for (const [i, index] of indices.data.entries()) data[Math.floor(i / k) * length + index] = outputGradient.data[i];
  return { output: values, indices, gradients: { x: { shape: [...x.shape], data } } };
}

/** State-dict names to argument names. */
function renamed({ output, gradients }: OpResult): OpResult {
  const names: Record<string, string> = { running_mean: 'runningMean', running_var: 'runningVar' };
  return {
    output,
    gradients: Object.fromEntries(Object.entries(gradients).map(([key, value]) => [names[key] ?? key, value])),
  };
}

function opCall(call: Exclude<FunctionalCall, { name: 'matmul' | 'crossEntropy' | 'topk' }>): OpCall {
  const { x } = call.args;
  const plain = { mode: 'eval', x, parameters: {} } as const;
  switch (call.name) {
    case 'kwta': {
      const { x: _, ...options } = call.args;
      return { ...plain, spec: nn.kwta(options) };
    }
    case 'conv2d': {
      const { weight, bias, stride, padding } = call.args;
      checkTensor('weight', weight, 4);
      checkTensor('x', x, 4);
      const [out, inputs, kh, kw] = weight.shape;
      if (x.shape[1] !== inputs) {
        throw new ShapeError(
          `conv2d: expected x with ${inputs} channels for weight ${shapeText(weight.shape)}, got ${shapeText(x.shape)}`,
        );
      }
      const spec = nn.conv2d({ out, kernel: [kh, kw], stride, padding, bias: bias !== undefined });
      return { ...plain, spec, parameters: { weight, ...(bias && { bias }) } };
    }
    case 'linear': {
      const { weight, bias } = call.args;
      checkTensor('weight', weight, 2);
      checkTensor('x', x, 2);
      const spec = nn.linear({ out: weight.shape[0], bias: bias !== undefined });
      return { ...plain, spec, parameters: { weight, ...(bias && { bias }) } };
    }
    case 'batchNorm': {
      const { training = false, eps, momentum } = call.args;
      checkTensor('x', x);
      const channels = x.shape[1];
      const constant = (value: number): Tensor => ({ shape: [channels], data: new Float32Array(channels).fill(value) });
      if (eps !== undefined) checkNumber('batchNorm.eps', eps, { above: 0 });
      return {
        mode: training ? 'train' : 'eval',
        x,
        spec: nn.batchNorm2d({ eps, momentum }),
        parameters: {
          weight: call.args.weight ?? constant(1),
          bias: call.args.bias ?? constant(0),
          running_mean: call.args.runningMean ?? constant(0),
          running_var: call.args.runningVar ?? constant(1),
        },
      };
    }
    case 'maxPool2d':
    case 'avgPool2d': {
      const { kernel, stride, padding } = call.args;
      checkInteger(`${call.name}.kernel`, kernel, { min: 1 });
      checkTensor('x', x, 4);
      const pool = call.name === 'maxPool2d' ? nn.maxPool2d : nn.avgPool2d;
      return { ...plain, spec: pool({ kernel, stride, padding }) };
    }
    case 'globalAvgPool2d':
      checkTensor('x', x, 4);
      return { ...plain, spec: nn.globalAvgPool2d() };
    case 'relu':
      return { ...plain, spec: nn.relu() };
    case 'softmax':
    case 'logSoftmax':
      checkTensor('x', x, 2);
      return { ...plain, spec: { type: 'softmax', log: call.name === 'logSoftmax' } };
  }
}
