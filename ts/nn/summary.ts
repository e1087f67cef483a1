/** What a model's layers give and cost, from its description alone. */
import { integer, parse, tuple } from '../base/schema.js';
import { sizeOf } from '../base/tensor.js';
import { type ModelSpec, modelSchema, type SequentialSpec } from '../graph/containers.js';
import { buildGraph, graphInput, type Node } from '../graph/graph.js';
import { ruleOf } from '../ops/index.js';
import { groupsOf, winnersOf } from '../ops/kwta.js';
import { type Features, featureSize } from '../ops/op.js';

/** One layer of a {@link summary}. */
export interface LayerSummary {
  /** As state dicts and `activationPattern` name it. */
  layer: string;
  /** What kind of layer it is. */
  type: string;
  /** `[C, H, W]` of what it gives. */
  output: [number, number, number];
  /** Trainable values. */
  parameters: number;
  /** Of k-WTA: how many values share the winners, how many win (in training), and how many such groups a sample has. */
  N?: number;
  /** How many of them win; see `N`. */
  k?: number;
  /** How many groups share winners; see `N`. */
  groups?: number;
  /** Multiply-adds of convolutions and linear layers for one sample, forward, if no value were zero. */
  multiplyAdds: number;
  /** The same with what k-WTA leaves alone of their input. */
  multiplyAddsAtGamma: number;
  /** Bytes of what it gives for one sample: winners alone, with their places, where it is compressed. */
  bytes: number;
}

/** What a node gives: extents, and how many entries when it is compressed. */
interface Given {
  features: Features;
  entries?: number;
}

const shape = tuple([integer({ min: 1 }), integer({ min: 1 }), integer({ min: 1 })], '[channels, height, width]');

/**
 * A row for each layer, in the order of computation; sums of residual and concatenated branches are rows, too.
 *
 * @param spec of a model; or layers one after another, whose `input` is given beside.
 * @param input `[C, H, W]` of a sample; the model's own by default.
 * @throws {ConfigError}, {ShapeError} when the layers do not fit, or k-WTA would keep no value.
 */
export function summary(spec: ModelSpec | SequentialSpec, input?: [number, number, number]): LayerSummary[] {
  const own = input === undefined ? {} : { input: parse(shape, input, 'summary.input') };
  const graph = buildGraph(parse(modelSchema, { ...spec, ...own }, 'summary.spec'));
  const given: Given[] = [];
  return graph.nodes.map((node) => {
    const inputs = node.inputs.map((i) => (i === graphInput ? { features: graph.input } : given[i]));
    const { row, result } = rowOf(node, inputs);
    given.push(result);
    return row;
  });
}

function rowOf({ spec, name, output }: Node, inputs: Given[]): { row: LayerSummary; result: Given } {
  const parameters = ruleOf(spec).parameters(spec, inputs[0].features);
  const weights = parameters.filter(({ layout }) => layout === 'convolution');
  const multiplyAdds = weights.reduce((sum, weight) => sum + sizeOf(weight.shape), 0) * output.h * output.w;
  const [{ entries, features }] = inputs;
  const density = entries === undefined ? 1 : entries / featureSize(features);
  const winners =
    spec.type === 'kwta' ? { k: winnersOf(spec, features, name), groups: groupsOf(spec, features) } : undefined;
  const result: Given = {
    features: output,
    entries: entriesOf(spec, inputs, winners && winners.k * winners.groups.count),
  };
  return {
    row: {
      layer: name,
      type: spec.type,
      output: [output.c, output.h, output.w],
      parameters: parameters.reduce((sum, own) => sum + (own.trainable ? sizeOf(own.shape) : 0), 0),
      ...(winners && { N: winners.groups.n, k: winners.k, groups: winners.groups.count }),
      multiplyAdds,
      multiplyAddsAtGamma: Math.round(multiplyAdds * density),
      bytes: bytesOf(result),
    },
    result,
  };
}

/** Entries of what a layer gives, if it is compressed. */
function entriesOf(spec: Node['spec'], inputs: Given[], winners: number | undefined): number | undefined {
  if (spec.type === 'kwta') return spec.backward === 'mask' ? winners : undefined;
  const all = inputs.map(({ entries }) => entries);
  if (spec.type === 'flatten') return all[0];
  if (spec.type !== 'concat' || all.includes(undefined)) return undefined;
  return all.reduce((sum: number, entries) => sum + (entries as number), 0);
}

function bytesOf({ features, entries }: Given): number {
  return 4 * (entries === undefined ? featureSize(features) : 2 * entries + features.h * features.w + 1);
}
