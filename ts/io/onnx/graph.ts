/** A graph of ONNX as it is asked about: which node makes a value, who reads it, and what is constant. */
import type { Tensor } from '../../base/tensor.js';
import type { GraphProto, NodeProto } from './proto.js';
import { Attributes, readTensor } from './tensors.js';

/** A node, with its attributes to ask. */
export interface OnnxNode extends NodeProto {
  values: Attributes;
  /** What to call it in messages. */
  place: string;
}

export class OnnxGraph {
  /** In the order of computation; constants are not among them. */
  readonly nodes: OnnxNode[] = [];
  readonly #makers = new Map<string, OnnxNode>();
  readonly #readers = new Map<string, OnnxNode[]>();
  readonly #constants = new Map<string, Tensor>();
  readonly #same = new Map<string, string>();

  /** @throws {DataError} naming a constant that cannot be read. */
  constructor(file: string, graph: GraphProto) {
    for (const tensor of graph.initializer) {
      this.#constants.set(tensor.name, readTensor(`${file}: '${tensor.name}'`, tensor));
    }
    for (const node of graph.node) this.#add(file, node);
  }

  #add(file: string, node: NodeProto): void {
    const { name, opType } = node;
    const [output = ''] = node.output;
    const place = `${name || output} (${opType})`;
    const values = new Attributes(node);
    const own: OnnxNode = { ...node, input: node.input.map((input) => this.#same.get(input) ?? input), values, place };
    const [from] = own.input;
    if (opType === 'Constant') {
      const tensor = values.tensor('value');
      if (tensor !== undefined) {
        this.#constants.set(output, readTensor(`${file}: ${place}`, tensor));
        return;
      }
    }
    // What passes its input on is not there.
    if (opType === 'Identity') {
      const constant = this.#constants.get(from);
      if (constant === undefined) this.#same.set(output, from);
      else this.#constants.set(output, constant);
      return;
    }
    this.nodes.push(own);
    for (const value of node.output) this.#makers.set(value, own);
    for (const input of own.input) {
      const readers = this.#readers.get(input);
      if (readers === undefined) this.#readers.set(input, [own]);
      else readers.push(own);
    }
  }

  /** The value that stands for another that is only passed on. */
  named(value: string): string {
    return this.#same.get(value) ?? value;
  }

  maker(value: string): OnnxNode | undefined {
    return this.#makers.get(value);
  }

  readers(value: string): readonly OnnxNode[] {
    return this.#readers.get(value) ?? [];
  }

  constant(value: string | undefined): Tensor | undefined {
    return value === undefined ? undefined : this.#constants.get(value);
  }

  /** The only reader of a value, if there is one of this kind and no other. */
  only(value: string, opType: string): OnnxNode | undefined {
    const readers = this.readers(value);
    return readers.length === 1 && readers[0].opType === opType ? readers[0] : undefined;
  }
}
