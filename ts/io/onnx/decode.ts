/**
 * A network out of a graph of ONNX: operators become layers, several around a TopK a k-WTA, and the way that values take becomes
 * containers. What has no counterpart is listed at once, by the names of its nodes.
 */
import { DataError } from '../../base/errors.js';
import { parse } from '../../base/schema.js';
import { describe, shapeText, type Tensor } from '../../base/tensor.js';
import { type ModelSpec, modelSchema } from '../../graph/containers.js';
import type { LayerSpec } from '../../ops/index.js';
import { matchWeights } from '../matching.js';
import { OnnxGraph, type OnnxNode } from './graph.js';
import { type Translated, translate, Unsupported } from './operators.js';
import { decodeModelProto, type GraphProto } from './proto.js';
import { modulesOf, nested, type Part, start } from './structure.js';
import { type FoundWinners, winnersAround } from './winners.js';

/** A network. */
export interface OnnxModel {
  /** Description of the model, for `runtime.model`. */
  spec: ModelSpec;
  /** Values of its parameters, for `model.loadStateDict`. */
  stateDict: Record<string, Tensor>;
}

/** How many problems a message lists. */
const listed = 20;

/** More nodes than any network here has would only take time. */
const mostNodes = 20_000;

/**
 * @param input `[C, H, W]`, where the file leaves height or width open.
 * @throws {DataError} naming the file and every node that has no counterpart. {ShapeError} naming weights that do not fit. {ConfigError} without the package that reads it.
 */
export async function decodeOnnx(file: string, bytes: Uint8Array, input?: readonly number[]): Promise<OnnxModel> {
  const { graph } = await decodeModelProto(file, bytes);
  if (graph === undefined || graph.node.length === 0) throw new DataError(`${file}: expected a graph, found none`);
  if (graph.node.length > mostNodes) {
    throw new DataError(`${file}: expected at most ${mostNodes} nodes, got ${graph.node.length}`);
  }
  return new Decoder(file, graph, input).decode();
}

class Decoder {
  readonly #graph: OnnxGraph;
  readonly #problems: string[] = [];
  readonly #parts: Part[] = [];
  readonly #made = new Map<string, number>();
  readonly #names = new Set<string>();
  readonly #stateDict: [string, Tensor][] = [];

  constructor(
    private readonly file: string,
    private readonly proto: GraphProto,
    private readonly given: readonly number[] | undefined,
  ) {
    this.#graph = new OnnxGraph(file, proto);
  }

  decode(): OnnxModel {
    const extents = this.#input();
    const winners = this.#winners();
    const inside = new Set(winners.flatMap(({ nodes }) => nodes));
    const first = new Map(winners.map((found) => [found.nodes[0], found]));
    // Those without a k-WTA were told.
    const through = new Set(this.#graph.nodes.filter(({ opType }) => opType === 'TopK'));
    for (const node of first.keys()) through.delete(node);
    for (const node of this.#graph.nodes) {
      const found = first.get(node);
      if (found !== undefined) this.#addWinners(found, node);
      else if (!inside.has(node) && !through.has(node)) {
        const next = this.#addNode(node);
        if (next !== undefined) through.add(next);
      }
    }
    const output = this.#output();
    this.#check();
    // What is behind the output is of no interest.
    const parts = nested(this.#parts.slice(0, output + 1));
    const { modules, problems } = modulesOf(parts);
    this.#problems.push(...problems);
    this.#check();
    const spec = parse(modelSchema, { type: 'sequential', layers: modules, input: extents }, this.file, DataError);
    const { stateDict } = matchWeights(this.file, Object.fromEntries(this.#stateDict), spec);
    return { spec, stateDict };
  }

  /** `[C, H, W]` of the only input that is no constant. */
  #input(): number[] {
    const inputs = this.proto.input.filter(({ name }) => this.#graph.constant(name) === undefined);
    const [{ name, type } = { name: '' }, ...others] = inputs;
    if (inputs.length === 0 || others.length > 0) {
      const found = inputs.map((each) => each.name).join(', ') || 'none';
      throw new DataError(`${this.file}: expected one input, found ${found}`);
    }
    this.#made.set(name, start);
    if (this.given !== undefined) return [...this.given];
    const dims = (type?.tensorType?.shape?.dim ?? []).slice(1).map(({ dimValue }) => Number(dimValue));
    const extents = dims.length === 1 ? [...dims, 1, 1] : dims;
    if (extents.length !== 3 || !extents.every((extent) => Number.isSafeInteger(extent) && extent >= 1)) {
      throw new DataError(
        `${this.file}: expected images [N, C, H, W] as the input '${name}', got ${shapeText(dims)}; give { input: [C, H, W] }`,
      );
    }
    return extents;
  }

  #winners(): FoundWinners[] {
    const tops = this.#graph.nodes.filter(({ opType }) => opType === 'TopK');
    return tops.flatMap((top) => {
      const found = winnersAround(this.#graph, top);
      if (found === undefined) this.#problems.push(`${top.place}: no k-WTA around it is known`);
      return found ?? [];
    });
  }

  #addWinners({ spec, input, output, name, flattens }: FoundWinners, { place }: OnnxNode): void {
    const own = { ...spec, name: this.#free(name, 'kwta') };
    const source = this.#from([input], place);
    if (source === undefined) return;
    let at = this.#parts.push({ layer: own, inputs: source, place }) - 1;
    if (flattens) at = this.#parts.push({ layer: { type: 'flatten' }, inputs: [at], place }) - 1;
    this.#made.set(output, at);
  }

  /** Adds the layer of a node, and gives the one that is a part of it. */
  #addNode(node: OnnxNode): OnnxNode | undefined {
    let found: Translated | undefined;
    try {
      found = translate(node, this.#graph);
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      this.#problems.push(`${node.place}: ${error.message}`);
    }
    if (found === undefined) return undefined;
    const { layer, inputs, parameters = {}, named, through } = found;
    const source = this.#from(inputs, node.place);
    if (source === undefined) return through;
    if (typeof layer !== 'string' && layer.type === 'flatten' && this.#isFlat(source[0])) {
      this.#made.set(node.output[0], source[0]);
      return through;
    }
    const own = typeof layer === 'string' ? layer : this.#named(layer, node, named);
    if (typeof own !== 'string') {
      for (const [name, value] of Object.entries(parameters)) this.#stateDict.push([`${own.name}.${name}`, value]);
    }
    const at = this.#parts.push({ layer: own, inputs: source, place: node.place }) - 1;
    this.#made.set((through ?? node).output[0], at);
    return through;
  }

  /** Whether a part gives one pixel for certain. */
  #isFlat(index: number): boolean {
    const layer = this.#parts[index]?.layer;
    return typeof layer === 'object' && ['flatten', 'globalAvgPool2d', 'linear'].includes(layer.type);
  }

  #named(layer: LayerSpec, node: OnnxNode, constant: string | undefined): LayerSpec {
    // PyTorch's exporter keeps the names of weights where it does not compute new ones.
    const [, parent] = constant?.match(/^(.+)\.(?:weight|bias)$/) ?? [];
    return { ...layer, name: this.#free(parent ?? node.name, layer.type) };
  }

  /** A name that no layer has yet. */
  #free(wanted: string, type: string): string {
    const base = wanted.replace(/^[./]+/, '') || type;
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Numbers of the parts that make these values; what comes from a node that is not read was told there. */
  #from(values: readonly string[], place: string): number[] | undefined {
    const found = values.map((value) => this.#made.get(value));
    const missing = values.find((_, i) => found[i] === undefined);
    if (missing === undefined) return found as number[];
    if (this.#graph.maker(missing) === undefined) {
      this.#problems.push(`${place}: expected a value that is made before it, got ${describe(missing)}`);
    }
    return undefined;
  }

  #output(): number {
    const [{ name } = { name: '' }, ...others] = this.proto.output;
    if (others.length > 0)
      this.#problems.push(`the outputs ${this.proto.output.map((each) => each.name).join(', ')}: expected one`);
    const at = this.#made.get(this.#graph.named(name));
    if (at !== undefined && at !== start) return at;
    if (this.#problems.length === 0) this.#problems.push(`the output '${name}': expected it to be made of the input`);
    return start;
  }

  #check(): void {
    if (this.#problems.length === 0) return;
    const shown = this.#problems.slice(0, listed).join('; ');
    const more = this.#problems.length > listed ? `; and ${this.#problems.length - listed} more` : '';
    throw new DataError(`${this.file}: what has no counterpart here: ${shown}${more}`);
  }
}
