/**
 * Forward mode: the derivative of every value of a network along a direction of its input, step by step behind the steps
 * that compute the values. What layers chose is frozen, so in eval mode this is the slope of an affine function.
 */
import { ConfigError } from '../base/errors.js';
import type { DenseValue, Step, TangentStep, Value } from '../ops/op.js';
import { graphInput, type Node } from './graph.js';

/** Why there is no such slope. */
const reasons = {
  curved: 'its output is not affine in pieces',
  random: 'it draws random numbers in every pass',
  magnitude: 'it chooses by magnitude, which is not affine',
};

/** The derivatives of a plan's values, in the order of its steps. */
export class Tangents {
  readonly #outputs: Value[] = [];

  constructor(readonly input: DenseValue) {}

  /** Of the value of a step, or of the model's input. */
  of(slot: number): Value {
    return slot === graphInput ? this.input : this.#outputs[slot];
  }

  /** Builds what follows a step that reads the values of these steps. @throws {ConfigError} naming a layer that has none. */
  add(node: Node, { tangent }: Step, inputs: readonly number[]): TangentStep {
    if (typeof tangent === 'string') {
      throw new ConfigError(
        `model: expected layers that are affine between their choices, got ${node.name} (${node.spec.type}): ${reasons[tangent]}`,
      );
    }
    const step = tangent(inputs.map((slot) => this.of(slot)));
    this.#outputs.push(step.output);
    return step;
  }
}
