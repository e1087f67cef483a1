/** `runtime.functional` and `vjp`: named arguments become calls of the graph's operations, or of a few others. */
import { ConfigError, ShapeError } from '../base/errors.js';
import { choice, integer, type Output, object, optional, parse, type Schema } from '../base/schema.js';
import { checkTensor, describe, shapeText, type Tensor } from '../base/tensor.js';
import { type OpResult, runCrossEntropy, runMatmul, runOp, runTopk } from '../graph/functional.js';
import type { Workspace } from '../graph/workspace.js';
import {
  type ArgumentsOf,
  type ArrayArgument,
  type ArrayArguments,
  type Arrays,
  type Functional,
  tensorArgument,
} from '../ops/functional.js';
import { checkedOp, functionals, type OpSpec } from '../ops/index.js';

/** Output and gradients; `indices` for `topk` alone. */
export interface FunctionalResult extends OpResult {
  indices?: Tensor;
}

/** One name of `runtime.functional`. */
interface Call<A extends ArrayArguments, S extends Schema> {
  arrays: A;
  options: S;
  run(workspace: Workspace, arrays: Arrays<A>, options: Output<S>, outputGradient?: Tensor): FunctionalResult;
}

function call<const A extends ArrayArguments, S extends Schema>(
  arrays: A,
  options: S,
  run: Call<A, S>['run'],
): Call<A, S> {
  return { arrays, options, run };
}

/** A layer on its own. */
function layerCall<A extends ArrayArguments & { x: ArrayArgument<Tensor> }, S extends Schema>({
  arrays,
  options,
  layer,
}: Functional<A, S, OpSpec>): Call<A, S> {
  return call(arrays, options, (workspace, given, chosen, outputGradient) => {
    const { spec, mode = 'eval', parameters = {} } = layer(given, chosen);
    const known = Object.entries(parameters).filter((entry): entry is [string, Tensor] => entry[1] !== undefined);
    const { x } = given as Arrays<{ x: ArrayArgument<Tensor> }>;
    const op = { spec: checkedOp(spec), mode, x, parameters: Object.fromEntries(known) };
    return renamed(runOp(workspace, op, outputGradient));
  });
}

/** State-dict names to argument names. */
function renamed({ output, gradients }: OpResult): OpResult {
  const camelCase = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  return {
    output,
    gradients: Object.fromEntries(Object.entries(gradients).map(([name, value]) => [camelCase(name), value])),
  };
}

/** Checked where the number of classes is known. */
const labelsArgument: ArrayArgument<ArrayLike<number>> = { check: (_, value) => value as ArrayLike<number> };

/** What is no layer of a network. */
const others = {
  matmul: call({ a: tensorArgument(2), b: tensorArgument(2) }, object({}), (workspace, { a, b }, _, outputGradient) =>
    runMatmul(workspace, a, b, outputGradient),
  ),
  crossEntropy: call(
    { x: tensorArgument(2), labels: labelsArgument },
    object({ reduction: optional(choice(['mean', 'sum', 'none']), 'mean') }),
    (workspace, { x, labels }, { reduction }, outputGradient) =>
      runCrossEntropy(workspace, x, labels, reduction, outputGradient),
  ),
  topk: call(
    { x: tensorArgument() },
    object({ k: integer({ min: 1 }) }),
    (_, { x }, { k }, outputGradient): FunctionalResult => {
      const { values, indices } = runTopk(x, k);
      if (!outputGradient) return { output: values, indices, gradients: {} };
      if (shapeText(outputGradient.shape) !== shapeText(values.shape)) {
        const [expected, came] = [values, outputGradient].map(({ shape }) => shapeText(shape));
        throw new ShapeError(`outputGradient: expected ${expected}, got ${came}`);
      }
      const data = new Float32Array(x.data.length);
      const length = x.shape[x.shape.length - 1];
      for (const [i, index] of indices.data.entries()) {
        data[Math.floor(i / k) * length + index] = outputGradient.data[i];
      }
      return { output: values, indices, gradients: { x: { shape: [...x.shape], data } } };
    },
  ),
};

type Calls = typeof functionals & typeof others;

/** Arguments by name, for each operation. Shapes are PyTorch's. */
export type FunctionalArguments = { [Name in keyof Calls]: ArgumentsOf<Calls[Name]> };

export type FunctionalName = keyof FunctionalArguments;

/** One call; with `outputGradient`, the backward pass as well. */
export interface FunctionalCall {
  name: FunctionalName;
  args: object;
  outputGradient?: Tensor;
}

/** With the types of its arguments left out: they are checked. */
type AnyCall = Call<ArrayArguments, Schema>;
type AnyFunctional = Functional<ArrayArguments & { x: ArrayArgument<Tensor> }, Schema, OpSpec>;

const layers: Record<string, AnyFunctional> = functionals;

const calls: Record<string, AnyCall> = {
  ...Object.fromEntries(Object.entries(layers).map(([name, entry]) => [name, layerCall(entry)])),
  ...others,
};

const nameSchema = choice(Object.keys(calls));

/** Runs a call. @throws {ShapeError}, {ConfigError} or {DataError} naming the argument. */
export function runFunctional(workspace: Workspace, { name, args, outputGradient }: FunctionalCall): FunctionalResult {
  const { arrays, options, run } = calls[parse(nameSchema, name, 'functional')];
  if (typeof args !== 'object' || args === null) {
    throw new ConfigError(`${name}: expected arguments by name, got ${describe(args)}`);
  }
  const isArray = (key: string): boolean => Object.hasOwn(arrays, key);
  const entries = Object.entries(args);
  const chosen = parse(options, Object.fromEntries(entries.filter(([key]) => !isArray(key))), name);
  const given = Object.fromEntries(
    Object.entries(arrays).map(([key, { check }]) => [key, check(key, (args as Record<string, unknown>)[key])]),
  );
  if (outputGradient !== undefined) checkTensor('outputGradient', outputGradient);
  return run(workspace, given, chosen, outputGradient);
}
