/** A model's description as nested layers (plain data), and the flat list of nodes it stands for. */

import { checkInteger } from '../base/check.js';
import { ConfigError, ShapeError } from '../base/errors.js';
import { describe } from '../base/tensor.js';
import { type LayerSpec, type OpSpec, opOf } from '../ops/index.js';
import { type Features, featureText } from '../ops/op.js';

/** Layers one after another. */
export interface SequentialSpec {
  type: 'sequential';
  name?: string;
  layers: ModuleSpec[];
}

/** Two branches from one input, added: `main(x) + shortcut(x)`; an empty shortcut is the identity. */
export interface ResidualSpec {
  type: 'residual';
  name?: string;
  main: ModuleSpec[];
  shortcut: ModuleSpec[];
}

export type ModuleSpec = LayerSpec | SequentialSpec | ResidualSpec;

/** A whole model: a container and the extents of one sample. */
export interface ModelSpec extends SequentialSpec {
  /** `[C, H, W]`. */
  input: [number, number, number];
}

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

/** Flattens a description, checking every layer. @throws {ShapeError} or {ConfigError} naming the layer. */
export function buildGraph(model: ModelSpec): Graph {
  if (!Array.isArray(model.input) || model.input.length !== 3) {
    throw new ConfigError(
      `model.input: expected [channels, height, width], got ${describe(model.input)}; ` +
        'write nn.sequential([...], { input: [C, H, W] })',
    );
  }
  for (const [i, name] of ['channels', 'height', 'width'].entries()) {
    checkInteger(`model.input ${name}`, model.input[i], { min: 1 });
  }
  const [c, h, w] = model.input;
  const nodes: Node[] = [];
  const featuresOf = (index: number): Features => (index === graphInput ? { c, h, w } : nodes[index].output);

  const addNode = (spec: OpSpec, name: string, inputs: number[]): number => {
    const output = opOf(spec).shape(spec, inputs.map(featuresOf), name);
    nodes.push({ spec, name, inputs, output });
    return nodes.length - 1;
  };

  const addAll = (layers: ModuleSpec[], prefix: string, from: number): number =>
    layers.reduce((input, layer, i) => addModule(layer, `${prefix}${i}`, input), from);

  const addModule = (module: ModuleSpec, position: string, from: number): number => {
    const name = module.name ?? position;
    switch (module.type) {
      case 'sequential':
        return addAll(module.layers, `${name}.`, from);
      case 'residual': {
        const main = addAll(module.main, `${name}.main.`, from);
        const shortcut = addAll(module.shortcut, `${name}.shortcut.`, from);
        return addNode({ type: 'add' }, name, [main, shortcut]);
      }
      default:
        return addNode(module, name, [from]);
    }
  };

  addAll(model.layers, '', graphInput);
  if (nodes.length === 0) throw new ConfigError('model: expected at least one layer, got an empty list');
  checkNames(nodes);
  return { input: { c, h, w }, nodes };
}

/** The same description with another gamma in every k-WTA layer that has one. */
export function withGamma<Module extends ModuleSpec>(module: Module, gamma: number): Module {
  const each = (modules: ModuleSpec[]): ModuleSpec[] => modules.map((inner) => withGamma(inner, gamma));
  switch (module.type) {
    case 'sequential':
      return { ...module, layers: each(module.layers) };
    case 'residual':
      return { ...module, main: each(module.main), shortcut: each(module.shortcut) };
    case 'kwta':
      return module.gamma === undefined ? module : { ...module, gamma };
    default:
      return module;
  }
}

function checkNames(nodes: Node[]): void {
  const seen = new Set<string>();
  for (const { name, spec } of nodes) {
    if (spec.type !== 'add' && seen.has(name))
      throw new ConfigError(`model: expected distinct layer names, got '${name}' twice`);
    if (spec.type !== 'add') seen.add(name);
  }
}

/** Number of classes. @throws {ShapeError} unless the last layer gives one vector per sample. */
export function classesOf(graph: Graph): number {
  const { output } = graph.nodes[graph.nodes.length - 1];
  if (output.h !== 1 || output.w !== 1) {
    throw new ShapeError(`model: expected logits [classes, 1, 1] from the last layer, got ${featureText(output)}`);
  }
  return output.c;
}
