/** How `runtime.functional` offers an operation: the arrays and options it takes by name, and the layer that they make. */
import type { Input, Output, Schema } from '../base/schema.js';
import { checkTensor, type Tensor } from '../base/tensor.js';
import type { Mode } from './op.js';

/** An argument that is not plain data. */
export interface ArrayArgument<T> {
  /** @throws {ShapeError} naming the argument. */
  check(argument: string, value: unknown): T;
}

export type ArrayArguments = Readonly<Record<string, ArrayArgument<unknown>>>;

type Value<A> = A extends ArrayArgument<infer T> ? T : never;
type MayMiss<A extends ArrayArguments> = {
  [Name in keyof A]: undefined extends Value<A[Name]> ? Name : never;
}[keyof A];

/** Arrays by the names of arguments. */
export type Arrays<A extends ArrayArguments> = { [Name in Exclude<keyof A, MayMiss<A>>]: Value<A[Name]> } & {
  [Name in MayMiss<A>]?: Value<A[Name]>;
};

/** A tensor; `rank` is how many extents it must have. */
export function tensorArgument(rank?: number): ArrayArgument<Tensor> {
  return {
    check(argument, value) {
      checkTensor(argument, value as Tensor, rank);
      return value as Tensor;
    },
  };
}

/** An argument that may be left out. */
export function maybe<T>({ check }: ArrayArgument<T>): ArrayArgument<T | undefined> {
  return { check: (argument, value) => (value === undefined ? undefined : check(argument, value)) };
}

/** A layer with the values of its parameters. */
export interface LayerCall<Spec> {
  spec: Spec;
  /** `eval` by default. */
  mode?: Mode;
  /** In PyTorch's names and shapes. */
  parameters?: Record<string, Tensor | undefined>;
}

/** What one name of `runtime.functional` stands for; the first array is what the layer is applied to, and called x. */
export interface Functional<A extends ArrayArguments, S extends Schema, Spec> {
  arrays: A;
  options: S;
  /** @throws {ShapeError} */
  layer(arrays: Arrays<A>, options: Output<S>): LayerCall<Spec>;
}

/** All arguments by name. */
export type ArgumentsOf<F extends { arrays: ArrayArguments; options: Schema }> = Arrays<F['arrays']> &
  Input<F['options']>;

/** An operation that `runtime.functional` offers. */
export function functional<const A extends ArrayArguments & { x: ArrayArgument<Tensor> }, S extends Schema, const Spec>(
  arrays: A,
  options: S,
  layer: (arrays: Arrays<A>, options: Output<S>) => LayerCall<Spec>,
): Functional<A, S, Spec> {
  return { arrays, options, layer };
}
