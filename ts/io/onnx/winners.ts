/**
 * Finds k-WTA in a graph of ONNX, where it is several nodes around a TopK, in either of two forms:
 *
 * - the winners are scattered among zeros at the places that TopK gives: exactly k of them;
 * - values that reach the least of the winners are kept, by a comparison: more than k where there are ties, as in the original
 *   code of k-WTA.
 */
import type { KwtaSpec } from '../../ops/kwta.js';
import type { OnnxGraph, OnnxNode } from './graph.js';

/** A k-WTA, and what of the graph it is. */
export interface FoundWinners {
  spec: KwtaSpec;
  input: string;
  output: string;
  /** As it is called. */
  name: string;
  /** What comes out is `[N, F]`, where `input` may have been an image. */
  flattens: boolean;
  nodes: OnnxNode[];
}

/** How values were arranged before they were ranked. */
interface Arranged {
  value: string;
  scope: 'layer' | 'channel' | 'pixel';
  nodes: OnnxNode[];
}

/** The k-WTA that a TopK is a part of; `undefined` where it is another thing. */
export function winnersAround(graph: OnnxGraph, top: OnnxNode): FoundWinners | undefined {
  const [keys, count] = top.input;
  const k = graph.constant(count)?.data[0];
  if (k === undefined || top.values.int('largest', 1) !== 1) return undefined;
  const axis = top.values.int('axis', -1);
  const abs = graph.maker(keys)?.opType === 'Abs' ? graph.maker(keys) : undefined;
  const ranked = abs?.input[0] ?? keys;
  const arranged = arrangedBefore(graph, ranked, axis);
  if (arranged === undefined) return undefined;
  const end = scattered(graph, top, ranked, axis) ?? compared(graph, top, keys, ranked, arranged);
  if (end === undefined) return undefined;
  const { output, restored, nodes } = restoredAfter(graph, end.last);
  return {
    spec: {
      type: 'kwta',
      k,
      scope: arranged.scope,
      by: abs === undefined ? 'value' : 'magnitude',
      ties: end.ties,
      backward: 'mask',
    },
    input: arranged.value,
    output,
    name: (nodes[0] ?? end.last).name,
    flattens: arranged.scope === 'layer' && arranged.nodes.length > 0 && !restored,
    nodes: [top, ...(abs === undefined ? [] : [abs]), ...arranged.nodes, ...end.nodes, ...nodes],
  };
}

/** `[N, -1]` ranks a whole sample, `[N, C, -1]` each channel; images as they are, along their channels, each pixel. */
function arrangedBefore(graph: OnnxGraph, value: string, axis: number): Arranged | undefined {
  const node = graph.maker(value);
  const rank = graph.constant(node?.input[1])?.data.length;
  if (node?.opType === 'Flatten' && node.values.int('axis', 1) === 1 && (axis === 1 || axis === -1)) {
    return { value: node.input[0], scope: 'layer', nodes: [node] };
  }
  if (node?.opType === 'Reshape' && rank === 2 && (axis === 1 || axis === -1)) {
    return { value: node.input[0], scope: 'layer', nodes: [node] };
  }
  if (node?.opType === 'Reshape' && rank === 3 && (axis === 2 || axis === -1)) {
    return { value: node.input[0], scope: 'channel', nodes: [node] };
  }
  if (axis === -1) return { value, scope: 'layer', nodes: [] };
  return axis === 1 ? { value, scope: isFlat(node) ? 'layer' : 'pixel', nodes: [] } : undefined;
}

/** What is known to give `[N, F]`. */
function isFlat(node: OnnxNode | undefined): boolean {
  return node?.opType === 'Gemm' || node?.opType === 'MatMul' || node?.opType === 'Flatten';
}

interface End {
  last: OnnxNode;
  ties: 'lowest' | 'keep';
  nodes: OnnxNode[];
}

function scattered(graph: OnnxGraph, top: OnnxNode, ranked: string, axis: number): End | undefined {
  const [values, places] = top.output;
  for (const last of graph.readers(places)) {
    const [data, indices, updates] = last.input;
    if (last.opType !== 'ScatterElements' || indices !== places || last.values.int('axis', 0) !== axis) continue;
    const chosen = graph.maker(updates);
    const gathered = chosen?.opType === 'GatherElements' && chosen.input[0] === ranked && chosen.input[1] === places;
    const zeros = zerosIn(graph, data);
    if ((updates !== values && !gathered) || zeros === undefined) continue;
    return { last, ties: 'lowest', nodes: [last, ...zeros, ...(gathered && chosen !== undefined ? [chosen] : [])] };
  }
  return undefined;
}

/** The nodes that make zeros; none for a constant; `undefined` where values may be others. */
function zerosIn(graph: OnnxGraph, value: string): OnnxNode[] | undefined {
  const constant = graph.constant(value);
  if (constant !== undefined) return constant.data.every((each) => each === 0) ? [] : undefined;
  const node = graph.maker(value);
  if (node?.opType === 'ConstantOfShape') {
    const fill = node.values.tensor('value');
    const isZero =
      fill === undefined || (fill.rawData.every((byte) => byte === 0) && !fill.floatData.some((each) => each !== 0));
    const shape = graph.maker(node.input[0]);
    return isZero ? [node, ...(shape?.opType === 'Shape' ? [shape] : [])] : undefined;
  }
  const times =
    node?.opType === 'Mul' && node.input.some((input) => graph.constant(input)?.data.every((each) => each === 0));
  return node !== undefined && times ? [node] : undefined;
}

/** Operators that only bring the least of the winners into another shape. */
const reshaping: ReadonlySet<string> = new Set([
  'Slice',
  'Gather',
  'Unsqueeze',
  'Squeeze',
  'Expand',
  'Tile',
  'Reshape',
  'ReduceMin',
]);

/** @param keys what the TopK ranks: `ranked`, or its magnitudes. */
function compared(graph: OnnxGraph, top: OnnxNode, keys: string, ranked: string, arranged: Arranged): End | undefined {
  const nodes: OnnxNode[] = [];
  let value = top.output[0];
  for (;;) {
    const [reader, ...others] = graph.readers(value);
    if (reader === undefined || others.length > 0) return undefined;
    nodes.push(reader);
    if (reader.opType === 'GreaterOrEqual') {
      if (reader.input[1] !== value) return undefined;
      break;
    }
    if (!reshaping.has(reader.opType)) return undefined;
    value = reader.output[0];
  }
  const comparison = nodes[nodes.length - 1];
  const [comparedTo] = comparison.input;
  const known = [keys, arranged.value];
  if (!known.includes(comparedTo)) return undefined;
  const cast = graph.only(comparison.output[0], 'Cast');
  const kept = cast?.output[0] ?? comparison.output[0];
  const [last, ...others] = graph.readers(kept);
  if (last === undefined || others.length > 0) return undefined;
  const values = [...known, ranked];
  const isProduct = last.opType === 'Mul' && last.input.some((input) => input !== kept && values.includes(input));
  const isChoice =
    last.opType === 'Where' &&
    values.includes(last.input[1]) &&
    graph.constant(last.input[2])?.data.every((each) => each === 0);
  if (!isProduct && isChoice !== true) return undefined;
  return { last, ties: 'keep', nodes: [...nodes, ...(cast === undefined ? [] : [cast]), last] };
}

/** A shape that is put back: the only reader of what comes out. */
function restoredAfter(graph: OnnxGraph, last: OnnxNode): { output: string; restored: boolean; nodes: OnnxNode[] } {
  const [output] = last.output;
  const node = graph.only(output, 'Reshape');
  const rank = graph.constant(node?.input[1])?.data.length ?? 0;
  return node !== undefined && rank === 4
    ? { output: node.output[0], restored: true, nodes: [node] }
    : { output, restored: false, nodes: [] };
}
