/**
 * Which values of the forward pass are not kept for the backward pass, but computed again when it reads them:
 * outputs of convolutions that cost little. The same kernel on the same operands gives the same bits.
 */

import { sizeOf } from '../base/tensor.js';
import { type OpSpec, ruleOf, traitsOf } from '../ops/index.js';
import { density, featureSize, type Value } from '../ops/op.js';

/** A node with the values that it reads and writes. */
export interface Computed {
  spec: OpSpec;
  inputs: Value[];
  output: Value;
}

/** A convolution is cheap when a value costs it at most this many multiply-adds: three channels under 3x3 are 27. */
const cheapMultiplyAdds = 32;
/** Cheap ones are taken, the cheapest first, up to this share of all multiply-adds of a training step. */
const cheapShare = 0.02;
/** Passes of a training step over a layer: forward, weight gradient, input gradient. */
const passes = 3;

/** Multiply-adds for one value of the output: each weight of a channel meets one value of the input. */
function costOfValue({ spec, inputs: [input] }: Computed): number {
  const weights = ruleOf(spec)
    .parameters(spec, input.features)
    .filter(({ layout }) => layout === 'convolution');
  const each = weights.reduce((sum, { shape }) => sum + sizeOf(shape) / shape[0], 0);
  return each * density(input);
}

/**
 * For each node whose output may be computed again instead of kept: the multiply-adds for one of its values.
 *
 * @param all every convolution behind k-WTA, not only cheap ones.
 */
export function recomputable(nodes: readonly Computed[], all: boolean): (number | undefined)[] {
  const costs = nodes.map(costOfValue);
  const wholes = nodes.map(({ output }, i) => costs[i] * featureSize(output.features));
  let left = cheapShare * passes * wholes.reduce((sum, cost) => sum + cost, 0);
  const result: (number | undefined)[] = nodes.map(() => undefined);
  for (const i of [...nodes.keys()].sort((a, b) => costs[a] - costs[b])) {
    const { spec, inputs, output } = nodes[i];
    // Another step may have been allowed to write over the output.
    if (!traitsOf(spec).repeatable || nodes.some((other, j) => j !== i && other.output === output)) continue;
    const cheap = costs[i] <= cheapMultiplyAdds && wholes[i] <= left;
    if (cheap) left -= wholes[i];
    if (cheap || (all && density(inputs[0]) < 1)) result[i] = costs[i];
  }
  return result;
}

/**
 * Leaves out the repetitions that save nothing, because the most memory is needed while their values are not
 * kept anyway: the most expensive first, as long as what is needed does not grow.
 *
 * @param costs of the steps that repeat others.
 * @param needed what the given steps need.
 */
export function withoutIdle<Step, Need extends { bytes: number }>(
  steps: readonly Step[],
  costs: ReadonlyMap<Step, number>,
  needed: (steps: readonly Step[]) => Need,
): { steps: readonly Step[]; need: Need } {
  let best = { steps, need: needed(steps) };
  for (const [step] of [...costs].sort(([, a], [, b]) => b - a)) {
    const fewer = best.steps.filter((other) => other !== step);
    const need = needed(fewer);
    if (need.bytes <= best.need.bytes) best = { steps: fewer, need };
  }
  return best;
}
