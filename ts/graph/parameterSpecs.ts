/** The parameters that a graph has, from its description alone. */
import { ruleOf } from '../ops/index.js';
import type { ParameterSpec } from '../ops/op.js';
import { buildGraph, type Graph, graphInput, type ModelSpec } from './graph.js';

/** All parameters under their names in state dicts, in the order of computation. */
export function parameterSpecs(graph: Graph): Map<string, ParameterSpec> {
  const entries = graph.nodes.flatMap(({ spec, name, inputs: [from] }) => {
    const input = from === graphInput ? graph.input : graph.nodes[from].output;
    return ruleOf(spec)
      .parameters(spec, input)
      .map((parameter): [string, ParameterSpec] => [`${name}.${parameter.name}`, parameter]);
  });
  return new Map(entries);
}

/** Whether a name is that of a counter that PyTorch keeps beside the parameters of batch norm; nothing here reads it. */
export function isCounter(name: string): boolean {
  return name.endsWith('.num_batches_tracked');
}

/** PyTorch's shapes of all parameters. @throws {ShapeError}, {ConfigError} when the layers do not fit together. */
export function parameterShapes(model: ModelSpec): Map<string, number[]> {
  return new Map([...parameterSpecs(buildGraph(model))].map(([name, { shape }]) => [name, shape]));
}
