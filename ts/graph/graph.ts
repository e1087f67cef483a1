/** The flat list of nodes that a model's description stands for. */
import { ConfigError, ShapeError } from '../base/errors.js';
import { type OpSpec, ruleOf, traitsOf } from '../ops/index.js';
import type { Surrogate } from '../ops/kwta.js';
import { type Features, featureText } from '../ops/op.js';
import { containerOf, isContainer, type ModelSpec, type ModuleSpec, mapLayers } from './containers.js';

/** Index of the graph's input among the inputs of nodes. */
export const graphInput = -1;

/** One operation of the flat graph. */
export interface Node {
  spec: OpSpec;
  /** Prefix of the state-dict names, as PyTorch would give it. */
  name: string;
  /** Indices of the nodes that feed this one, or {@link graphInput}. */
  inputs: number[];
  output: Features;
}

/** A model in the order of computation; the last node gives the logits. */
export interface Graph {
  input: Features;
  nodes: Node[];
}

/**
 * Flattens a description, checking that its layers fit together.
 *
 * @throws {ShapeError} or {ConfigError} naming the layer.
 */
export function buildGraph(model: ModelSpec): Graph {
  const [c, h, w] = model.input;
  const nodes: Node[] = [];
  const names = new Set<string>();
  const featuresOf = (index: number): Features => (index === graphInput ? { c, h, w } : nodes[index].output);

  const addNode = (spec: OpSpec, name: string, inputs: number[]): number => {
    const output = ruleOf(spec).shape(spec, inputs.map(featuresOf), name);
    nodes.push({ spec, name, inputs, output });
    return nodes.length - 1;
  };

  const addModule = (module: ModuleSpec, position: string, container: string, from: number): number => {
    const name = fullName(module.name, position, container);
    if (!isContainer(module)) {
      if (names.has(name)) throw new ConfigError(`model: expected distinct layer names, got '${name}' twice`);
      names.add(name);
      return addNode(module, name, [from]);
    }
    const { branches, connect } = containerOf(module);
    const runs = branches(module).map(({ segment, layers }) => (start: number) => {
      return addAll(layers, `${name}.${segment}`, name, start);
    });
    return connect(runs, from, (spec, inputs) => addNode(spec, name, inputs));
  };

  const addAll = (layers: ModuleSpec[], prefix: string, container: string, from: number): number =>
    layers.reduce((input, layer, i) => addModule(layer, `${prefix}${i}`, container, input), from);

  addAll(model.layers, '', '', graphInput);
  if (nodes.length === 0) throw new ConfigError('model: expected at least one layer, got an empty list');
  return { input: { c, h, w }, nodes };
}

/**
 * Prefix of a layer's state-dict names: its position, or its own name. One that begins with a dot continues the name of
 * the container that the layer is in; any other stands for itself.
 */
function fullName(own: string | undefined, position: string, container: string): string {
  if (own === undefined) return position;
  if (!own.startsWith('.')) return own;
  return container === '' ? own.slice(1) : container + own;
}

/** The same description with another gamma in every layer that selects a share of its values. */
export function withGamma(model: ModelSpec, gamma: number): ModelSpec {
  return mapLayers(model, (layer) =>
    traitsOf(layer).selects && 'gamma' in layer && layer.gamma !== undefined ? { ...layer, gamma } : layer,
  );
}

/** The same description with this backward in every layer that selects. */
export function withBackward(model: ModelSpec, surrogate: Surrogate): ModelSpec {
  return mapLayers(model, (layer) => {
    if (!traitsOf(layer).selects || !('backward' in layer)) return layer;
    const { temperature: _, ...rest } = layer;
    return { ...rest, ...surrogate };
  });
}

/** Number of classes. @throws {ShapeError} unless the last layer gives one vector per sample. */
export function classesOf(graph: Graph): number {
  const { output } = graph.nodes[graph.nodes.length - 1];
  if (output.h !== 1 || output.w !== 1) {
    throw new ShapeError(`model: expected logits [classes, 1, 1] from the last layer, got ${featureText(output)}`);
  }
  return output.c;
}

export type { ModelSpec, ModuleSpec } from './containers.js';
