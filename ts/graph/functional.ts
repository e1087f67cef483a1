/**
 * Single operations on plain tensors, and their vector-Jacobian products: each is a graph of one node, so
 * that what is offered here is what networks run.
 */
import { checkInteger } from '../base/check.js';
import { ConfigError, ShapeError } from '../base/errors.js';
import { checkLabels } from '../base/labels.js';
import { checkTensor, shapeText, sizeOf, type Tensor } from '../base/tensor.js';
import type { Kernels } from '../kernels/kernels.js';
import type { OpSpec } from '../ops/index.js';
import { ruleOf } from '../ops/index.js';
import { type Features, featureSize, type Mode } from '../ops/op.js';
import { type Graph, graphInput } from './graph.js';
import { losses } from './losses.js';
import { Parameters } from './parameters.js';
import { Plan } from './plan.js';
import type { Workspace } from './workspace.js';

/** One operation with everything it needs. */
export interface OpCall {
  spec: OpSpec;
  mode: Mode;
  /** `[n, features]` or `[n, C, H, W]`. */
  x: Tensor;
  /** In PyTorch's names and shapes. */
  parameters: Record<string, Tensor>;
}

/** Result of an operation; gradients by argument name when an output gradient was given. */
export interface OpResult {
  output: Tensor;
  gradients: Record<string, Tensor>;
}

const name = 'functional';

/** Runs one operation forward and, given the gradient of its output, backward. @throws {ShapeError} */
export function runOp(workspace: Workspace, call: OpCall, outputGradient?: Tensor): OpResult {
  const { x, spec, mode } = call;
  const [n, input] = batchOf(x);
  const output = ruleOf(spec).shape(spec, [input], spec.type);
  const graph: Graph = { input, nodes: [{ spec, name, inputs: [graphInput], output }] };
  const outputShape = x.shape.length === 2 ? [n, featureSize(output)] : [n, output.c, output.h, output.w];
  if (outputGradient && shapeText(outputGradient.shape) !== shapeText(outputShape)) {
    throw new ShapeError(
      `outputGradient: expected shape ${shapeText(outputShape)}, got ${shapeText(outputGradient.shape)}`,
    );
  }
  const parameters = new Parameters(workspace.kernels, graph);
  let plan: Plan | undefined;
  try {
    parameters.write(
      Object.fromEntries(Object.entries(call.parameters).map(([key, value]) => [`${name}.${key}`, value])),
    );
    const backward = outputGradient !== undefined;
    if (backward) parameters.needGradients();
    const purpose = {
      mode,
      inputGradient: backward,
      parameterGradients: backward,
      keepChoices: false,
      tangents: false,
      retain: false,
      recompute: false,
    };
    const state = { seed: 0, step: 0, passes: 0, updateRunning: true };
    plan = new Plan(graph, purpose, n, parameters.byName, state, workspace);
    plan.forward(x.data, n);
    const result: OpResult = {
      output: { shape: outputShape, data: channelsFirst(plan.readLogits(n), n, output) },
      gradients: {},
    };
    for (const [key, value] of Object.entries(parameters.read('data'))) {
      // Running statistics move in training mode; callers that want them find them beside the gradients.
      if (key.includes('.running_')) result.gradients[key.slice(name.length + 1)] = value;
    }
    if (outputGradient) {
      const { pointer } = plan.logitsGradient;
      workspace.kernels.f32(pointer, outputGradient.data.length).set(channelsLast(outputGradient.data, n, output));
      plan.backward(n);
      for (const [key, value] of Object.entries(parameters.read('gradient'))) {
        result.gradients[key.slice(name.length + 1)] = value;
      }
      result.gradients.x = { shape: [...x.shape], data: plan.readInputGradient(n) };
    }
    return result;
  } finally {
    plan?.dispose();
    parameters.dispose();
  }
}

function batchOf(x: Tensor): [n: number, features: Features] {
  checkTensor('x', x);
  const [n, c, h = 1, w = 1] = x.shape;
  if (x.shape.length !== 2 && x.shape.length !== 4) {
    throw new ShapeError(`x: expected [n, features] or [n, channels, height, width], got ${shapeText(x.shape)}`);
  }
  for (const extent of x.shape) checkInteger('extents of x', extent, { min: 1 });
  return [n, { c, h, w }];
}

function channelsFirst(data: Float32Array, n: number, { c, h, w }: Features): Float32Array {
  return permute(data, n, h * w, c);
}

function channelsLast(data: Float32Array, n: number, { c, h, w }: Features): Float32Array {
  return permute(data, n, c, h * w);
}

/** `[n][rows][columns]` to `[n][columns][rows]`. */
function permute(data: Float32Array, n: number, rows: number, columns: number): Float32Array {
  if (rows === 1 || columns === 1) return data;
  const result = new Float32Array(data.length);
  for (let s = 0; s < n; s++) {
    const base = s * rows * columns;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) result[base + c * rows + r] = data[base + r * columns + c];
    }
  }
  return result;
}

/** Runs `work` with memory for tensors copied in, and frees it. */
function withMemory<T>(kernels: Kernels, lengths: number[], work: (pointers: number[]) => T): T {
  const pointers: number[] = [];
  try {
    for (const length of lengths) pointers.push(kernels.allocate(Math.max(length, 1) * 4, 'functional'));
    return work(pointers);
  } finally {
    for (const [i, pointer] of pointers.entries()) kernels.free(pointer, Math.max(lengths[i], 1) * 4);
  }
}

/** A matrix and whether to take its transpose. */
interface Operand {
  tensor: Tensor;
  transposed: boolean;
}

function product(kernels: Kernels, a: Operand, b: Operand): Tensor {
  const [m, k] = a.transposed ? [a.tensor.shape[1], a.tensor.shape[0]] : a.tensor.shape;
  const n = b.tensor.shape[b.transposed ? 0 : 1];
  return withMemory(kernels, [m * k, k * n, m * n], ([pa, pb, pc]) => {
    kernels.f32(pa, m * k).set(a.tensor.data);
    kernels.f32(pb, k * n).set(b.tensor.data);
    kernels.exports.matmul(m, n, k, pa, a.transposed, pb, b.transposed, pc);
    return { shape: [m, n], data: kernels.f32(pc, m * n).slice() };
  });
}

/** `a b` of matrices `[m, k]` and `[k, n]`; with the gradient of the product, those of both. @throws {ShapeError} */
export function runMatmul(workspace: Workspace, a: Tensor, b: Tensor, outputGradient?: Tensor): OpResult {
  checkTensor('a', a, 2);
  checkTensor('b', b, 2);
  if (a.shape[1] !== b.shape[0]) {
    throw new ShapeError(`matmul: expected a [m, k] and b [k, n], got ${shapeText(a.shape)} and ${shapeText(b.shape)}`);
  }
  const { kernels } = workspace;
  const plain = (tensor: Tensor) => ({ tensor, transposed: false });
  const transposed = (tensor: Tensor) => ({ tensor, transposed: true });
  const output = product(kernels, plain(a), plain(b));
  if (!outputGradient) return { output, gradients: {} };
  checkTensor('outputGradient', outputGradient, 2);
  if (shapeText(outputGradient.shape) !== shapeText(output.shape)) {
    throw new ShapeError(`outputGradient: expected ${shapeText(output.shape)}, got ${shapeText(outputGradient.shape)}`);
  }
  return {
    output,
    gradients: {
      a: product(kernels, plain(outputGradient), transposed(b)),
      b: product(kernels, transposed(a), plain(outputGradient)),
    },
  };
}

/** How per-sample losses become the result, as in PyTorch. */
export type Reduction = 'mean' | 'sum' | 'none';

/** Cross entropy of logits `[n, classes]`; shape [] unless `reduction` is 'none'. @throws {ShapeError}, {DataError} */
export function runCrossEntropy(
  workspace: Workspace,
  x: Tensor,
  labels: ArrayLike<number>,
  reduction: Reduction,
  outputGradient?: Tensor,
): OpResult {
  checkTensor('x', x, 2);
  const [n, classes] = x.shape;
  checkLabels('labels', labels, classes, n);
  const { kernels } = workspace;
  const sizes = [losses.indexOf('crossEntropy'), n, classes] as const;
  return withMemory(kernels, [x.data.length, n, n, x.data.length], ([px, py, ploss, pdx]): OpResult => {
    kernels.f32(px, x.data.length).set(x.data);
    kernels.u32(py, n).set(labels);
    kernels.exports.losses(...sizes, px, py, ploss);
    const each = kernels.f32(ploss, n).slice();
    const sum = each.reduce((total, value) => total + value, 0);
    const output =
      reduction === 'none'
        ? { shape: [n], data: each }
        : { shape: [], data: Float32Array.of(reduction === 'mean' ? sum / n : sum) };
    if (!outputGradient) return { output, gradients: {} };
    if (sizeOf(outputGradient.shape) !== sizeOf(output.shape)) {
      throw new ShapeError(
        `outputGradient: expected shape ${shapeText(output.shape)}, got ${shapeText(outputGradient.shape)}`,
      );
    }
    kernels.exports.loss_gradient(...sizes, px, py, reduction === 'mean' ? 1 / n : 1, pdx);
    const dy = outputGradient.data;
    const data = kernels
      .f32(pdx, x.data.length)
      .map((value, i) => value * dy[reduction === 'none' ? Math.floor(i / classes) : 0]);
    return { output, gradients: { x: { shape: [...x.shape], data } } };
  });
}

/** From here on, not every whole number is a 32-bit float. */
const firstInexact = 2 ** 24;

/**
 * The `k` largest values along the last dimension, descending; equal values by ascending index. Indices come as 32-bit
 * floats, as all tensors do, so the dimension has at most 2^24 values.
 *
 * @throws {ShapeError}, {ConfigError}
 */
export function runTopk(x: Tensor, k: number): { values: Tensor; indices: Tensor } {
  checkTensor('x', x);
  const length = x.shape.at(-1);
  if (length === undefined) throw new ShapeError('x: expected at least one dimension, got shape []');
  if (length > firstInexact) {
    throw new ShapeError(
      `x: expected at most ${firstInexact} values in the last dimension, whose indices are 32-bit floats, got ${length}`,
    );
  }
  checkInteger('topk.k', k, { min: 1 });
  if (k > length) throw new ConfigError(`topk.k: expected at most ${length} (the last dimension), got ${k}`);
  const shape = [...x.shape.slice(0, -1), k];
  const rows = sizeOf(x.shape) / length;
  const values = new Float32Array(rows * k);
  const indices = new Float32Array(rows * k);
  for (let row = 0; row < rows; row++) {
    const data = x.data.subarray(row * length, (row + 1) * length);
    const order = Uint32Array.from(data.keys()).sort((a, b) => data[b] - data[a] || a - b);
    for (let i = 0; i < k; i++) {
      values[row * k + i] = data[order[i]];
      indices[row * k + i] = order[i];
    }
  }
  return { values: { shape, data: values }, indices: { shape: [...shape], data: indices } };
}
