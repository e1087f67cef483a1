/** The backward half of a plan: its steps in order, and what they compute again. */
import type { Buffer } from '../ops/buffer.js';
import { ruleOf } from '../ops/index.js';
import {
  type BuildContext,
  buffersOf,
  compressedArguments,
  type DenseValue,
  denseGradient,
  featureSize,
  type Gradient,
  gradientBuffers,
  type Step,
  type Value,
} from '../ops/op.js';
import { graphInput, type Node } from './graph.js';
import { recomputable } from './recompute.js';

/** A node with its forward step. */
export interface Slot {
  step: Step;
  /** Slots that feed it; {@link graphInput} for the model's input. */
  inputs: number[];
  node: Node;
}

/** A step at its place in the order. */
export interface Timed {
  uses: Buffer[];
  /** One of these that is written again, to what it held before. */
  renews?: Buffer;
  run(n: number): void;
}

/** What is to be computed. */
export interface Wishes {
  inputGradient: boolean;
  parameterGradients: boolean;
  recompute: boolean;
}

/** The backward pass. */
export interface Backward {
  steps: Timed[];
  /** Steps that repeat one of the forward pass, with their multiply-adds for a value; any may be left out. */
  repeated: Map<Timed, number>;
  inputGradient: Buffer | undefined;
}

/** The steps that lead from the gradient of the logits to all that is wished for. */
export function buildBackward(
  slots: readonly Slot[],
  input: DenseValue,
  logitsGradient: Buffer,
  wishes: Wishes,
  context: BuildContext,
): Backward {
  const steps: Timed[] = [];
  const repeated = new Map<Timed, number>();
  const again = recomputedValues(slots, input, wishes.recompute);
  const push = (step: Timed): void => {
    for (const buffer of step.uses) {
      const forward = again.get(buffer);
      if (forward === undefined) continue;
      // Its own operands may have to be computed again before it.
      again.delete(buffer);
      const { uses, run } = forward.step;
      const repetition: Timed = { uses, renews: buffer, run };
      repeated.set(repetition, forward.cost);
      push(repetition);
    }
    steps.push(step);
  };

  const needed = slots.map(() => false);
  const needs = (slot: number): boolean => (slot === graphInput ? wishes.inputGradient : needed[slot]);
  const hasParameters = ({ node }: Slot): boolean =>
    wishes.parameterGradients &&
    ruleOf(node.spec)
      .parameters(node.spec, node.output)
      .some((p) => p.trainable);
  for (const [i, slot] of slots.entries()) needed[i] = slot.inputs.some(needs) || hasParameters(slot);

  const contributions = new Map<number, Contribution[]>();
  const contribute = (slot: number, contribution: Contribution): void => {
    contributions.set(slot, [...(contributions.get(slot) ?? []), contribution]);
  };
  contribute(slots.length - 1, { gradient: { kind: 'dense', data: logitsGradient }, owned: true });

  for (let i = slots.length - 1; i >= 0; i--) {
    const arrived = contributions.get(i);
    if (!needed[i] || arrived === undefined) continue;
    const slot = slots[i];
    const gradient = merge(arrived, slot.step.output, context, push);
    const backward = slot.step.backward(gradient, {
      inputs: slot.inputs.map(needs),
      parameters: hasParameters(slot),
    });
    push(backward);
    for (const [j, from] of slot.inputs.entries()) {
      const given = backward.inputs[j];
      if (needs(from) && given !== undefined) contribute(from, { gradient: given, owned: given !== gradient });
    }
  }
  const arrived = contributions.get(graphInput);
  if (!wishes.inputGradient || arrived === undefined) return { steps, repeated, inputGradient: undefined };
  const whole = denseGradient(context, merge(arrived, input, context, push), input.features);
  push({ uses: whole.uses, run: (n) => whole.prepare(n) });
  return { steps, repeated, inputGradient: whole.data };
}

/** Forward steps that can be repeated, by the buffer of their output. */
function recomputedValues(
  slots: readonly Slot[],
  input: DenseValue,
  all: boolean,
): Map<Buffer, { step: Step; cost: number }> {
  const nodes = slots.map(({ step, inputs, node }) => ({
    spec: node.spec,
    inputs: inputs.map((i) => (i === graphInput ? input : slots[i].step.output)),
    output: step.output,
  }));
  const costs = recomputable(nodes, all);
  const again = new Map<Buffer, { step: Step; cost: number }>();
  for (const [i, { step }] of slots.entries()) {
    const cost = costs[i];
    if (cost !== undefined && step.output.kind === 'dense') again.set(step.output.data, { step, cost });
  }
  return again;
}

/** A gradient that one consumer sends to a value; `owned` when no other step reads it. */
interface Contribution {
  gradient: Gradient;
  owned: boolean;
}

/** Sums the gradients that several consumers sent to one value. */
function merge(
  arrived: readonly Contribution[],
  value: Value,
  context: BuildContext,
  push: (step: Timed) => void,
): Gradient {
  if (arrived.length === 1) return arrived[0].gradient;
  const { exports } = context.kernels;
  const form = value.kind;
  const length = form === 'dense' ? featureSize(value.features) : value.capacity;
  // Adding into a gradient that another branch still reads would change that branch.
  const base = arrived.find(({ gradient, owned }) => owned && gradient.kind === form);
  const rest = arrived.filter((a) => a !== base).map((a) => a.gradient);
  const data = base === undefined ? context.buffer(context.batch * length) : dataOf(base.gradient);
  push({
    uses: [
      data,
      ...rest.flatMap(gradientBuffers),
      ...(value.kind === 'compressed' ? buffersOf(value).slice(0, 2) : []),
    ],
    run(n) {
      if (base === undefined) exports.fill(n * length, 0, data.pointer);
      for (const gradient of rest) {
        if (gradient.kind === form) exports.add_in_place(n * length, dataOf(gradient).pointer, data.pointer);
        else if (gradient.kind === 'compressed') {
          exports.sparse_add(...compressedArguments(n, gradient.at), gradient.values.pointer, data.pointer);
        } else throw new TypeError('a compressed value has a compressed gradient');
      }
    },
  });
  return value.kind === 'dense' ? { kind: 'dense', data } : { kind: 'compressed', at: value, values: data };
}

function dataOf(gradient: Gradient): Buffer {
  return gradient.kind === 'dense' ? gradient.data : gradient.values;
}
