/** `runtime.functional`: single operations on plain tensors, and their vector-Jacobian products. */
import type { Tensor } from '../base/tensor.js';
import type { FunctionalArguments, FunctionalName, FunctionalResult } from '../engine/functionalCalls.js';
import { functionals } from '../ops/index.js';
import type { Connection } from './connection.js';

/** Names whose first argument is `x`. */
type UnaryName = Exclude<FunctionalName, 'matmul' | 'topk'>;

type Unary = {
  [Name in UnaryName]: (
    x: Tensor,
    ...options: Partial<Omit<FunctionalArguments[Name], 'x'>> extends Omit<FunctionalArguments[Name], 'x'>
      ? [options?: Omit<FunctionalArguments[Name], 'x'>]
      : [options: Omit<FunctionalArguments[Name], 'x'>]
  ) => Promise<Tensor>;
};

/**
 * `kwta(x, { gamma })`, `conv2d(x, { weight, bias, stride, padding })`, `linear(x, { weight, bias })`,
 * `matmul(a, b)`, `batchNorm(x, { ... })`, `maxPool2d(x, { kernel })`, `avgPool2d`, `globalAvgPool2d`, `relu`,
 * `softmax`, `logSoftmax`, `crossEntropy(x, { labels, reduction })`, `topk(x, { k })`. Shapes are PyTorch's.
 */
export interface Functional extends Unary {
  matmul(a: Tensor, b: Tensor): Promise<Tensor>;
  topk(x: Tensor, options: { k: number }): Promise<{ values: Tensor; indices: Tensor }>;
  /** Gradients of `sum(output * outputGradient)` by argument name, from all arguments by name. */
  vjp<Name extends FunctionalName>(
    name: Name,
    args: FunctionalArguments[Name],
    outputGradient: Tensor,
  ): Promise<Record<string, Tensor>>;
}

/** Beside the layers of networks. */
const losses = ['crossEntropy'] satisfies FunctionalName[];

/** The operations on an engine. */
export function createFunctional(connection: () => Connection): Functional {
  const run = async (name: FunctionalName, args: object, outputGradient?: Tensor): Promise<FunctionalResult> =>
    connection().call('functional', { name, args, outputGradient });
  const unary = (name: UnaryName) => [
    name,
    async (x: Tensor, options: object = {}): Promise<Tensor> => (await run(name, { ...options, x })).output,
  ];
  const names = [...(Object.keys(functionals) as (keyof typeof functionals)[]), ...losses];
  return {
    ...(Object.fromEntries(names.map(unary)) as Unary),
    matmul: async (a, b) => (await run('matmul', { a, b })).output,
    async topk(x, options) {
      const { output, indices } = await run('topk', { ...options, x });
      return { values: output, indices: indices as Tensor };
    },
    vjp: async (name, args, outputGradient) => (await run(name, args, outputGradient)).gradients,
  };
}
