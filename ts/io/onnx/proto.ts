/**
 * The messages of ONNX that networks need, by their numbers on the wire, in a table from which @bufbuild/protobuf makes what
 * reads and writes them. Fields that are not in the table are passed over. The library is the smallest of those that are kept,
 * and makes no code at run time, which pages with a strict content policy refuse; who exports or imports installs it.
 */
import { DataError } from '../../base/errors.js';
import { notInstalled } from '../../base/installed.js';

/** A tensor, its values in one of several places. */
export interface TensorProto {
  dims: bigint[];
  dataType: number;
  floatData: number[];
  int32Data: number[];
  int64Data: bigint[];
  name: string;
  rawData: Uint8Array;
  doubleData: number[];
  uint64Data: bigint[];
  dataLocation: number;
}

interface StringProto {
  key: string;
  value: string;
}

export interface AttributeProto {
  name: string;
  f: number;
  i: bigint;
  s: Uint8Array;
  t?: TensorProto;
  ints: bigint[];
  type: number;
}

export interface NodeProto {
  input: string[];
  output: string[];
  name: string;
  opType: string;
  attribute: AttributeProto[];
  domain: string;
}

export interface ValueInfoProto {
  name: string;
  type?: { tensorType?: { elemType: number; shape?: { dim: { dimValue: bigint; dimParam: string }[] } } };
}

export interface GraphProto {
  node: NodeProto[];
  name: string;
  initializer: TensorProto[];
  input: ValueInfoProto[];
  output: ValueInfoProto[];
}

export interface ModelProto {
  irVersion: bigint;
  producerName: string;
  producerVersion: string;
  docString: string;
  graph?: GraphProto;
  opsetImport: { domain: string; version: bigint }[];
  metadataProps: StringProto[];
}

/** A message of which fields may be left out, as they are when one is written. */
export type Partly<T> = T extends Uint8Array | string | number | bigint
  ? T
  : T extends (infer Item)[]
    ? Partly<Item>[]
    : { [Key in keyof T]?: Partly<T[Key]> };

/** `name: [number, type]`; a type that ends in `*` is repeated, one with a capital is a message of this table. */
const messages: Record<string, Record<string, [number, string]>> = {
  Model: {
    ir_version: [1, 'int64'],
    producer_name: [2, 'string'],
    producer_version: [3, 'string'],
    doc_string: [6, 'string'],
    graph: [7, 'Graph'],
    opset_import: [8, 'Opset*'],
    metadata_props: [14, 'Entry*'],
  },
  Opset: { domain: [1, 'string'], version: [2, 'int64'] },
  Entry: { key: [1, 'string'], value: [2, 'string'] },
  Graph: {
    node: [1, 'Node*'],
    name: [2, 'string'],
    initializer: [5, 'Tensor*'],
    input: [11, 'ValueInfo*'],
    output: [12, 'ValueInfo*'],
  },
  Node: {
    input: [1, 'string*'],
    output: [2, 'string*'],
    name: [3, 'string'],
    op_type: [4, 'string'],
    attribute: [5, 'Attribute*'],
    domain: [7, 'string'],
  },
  Attribute: {
    name: [1, 'string'],
    f: [2, 'float'],
    i: [3, 'int64'],
    s: [4, 'bytes'],
    t: [5, 'Tensor'],
    ints: [8, 'int64*'],
    type: [20, 'int32'],
  },
  Tensor: {
    dims: [1, 'int64*'],
    data_type: [2, 'int32'],
    float_data: [4, 'float*'],
    int32_data: [5, 'int32*'],
    int64_data: [7, 'int64*'],
    name: [8, 'string'],
    raw_data: [9, 'bytes'],
    double_data: [10, 'double*'],
    uint64_data: [11, 'uint64*'],
    data_location: [14, 'int32'],
  },
  ValueInfo: { name: [1, 'string'], type: [2, 'Type'] },
  Type: { tensor_type: [1, 'TensorType'] },
  TensorType: { elem_type: [1, 'int32'], shape: [2, 'Shape'] },
  Shape: { dim: [1, 'Dimension*'] },
  Dimension: { dim_value: [1, 'int64'], dim_param: [2, 'string'] },
};

/** What a message of the table is called; ONNX's own package has other names. */
const scope = 'kwta.onnx';

/** Numbers of types in descriptors. */
const types: Record<string, number> = {
  double: 1,
  float: 2,
  int64: 3,
  uint64: 4,
  int32: 5,
  string: 9,
  message: 11,
  bytes: 12,
};

async function load() {
  try {
    return [await import('@bufbuild/protobuf'), await import('@bufbuild/protobuf/wkt')] as const;
  } catch (cause) {
    throw notInstalled('ONNX', '@bufbuild/protobuf', 'reads and writes its messages', cause);
  }
}

async function modelMessage() {
  const [library, { FileDescriptorProtoSchema, FileDescriptorSetSchema }] = await load();
  const messageType = Object.entries(messages).map(([message, fields]) => ({
    name: message,
    field: Object.entries(fields).map(([field, [number, text]]) => {
      const type = text.replace('*', '');
      const own = Object.hasOwn(messages, type);
      return {
        name: field,
        number,
        label: text.endsWith('*') ? 3 : 1,
        type: types[own ? 'message' : type],
        ...(own && { typeName: `.${scope}.${type}` }),
      };
    }),
  }));
  const file = library.create(FileDescriptorProtoSchema, {
    name: 'onnx.proto',
    package: scope,
    syntax: 'proto3',
    messageType,
  });
  const registry = library.createFileRegistry(library.create(FileDescriptorSetSchema, { file: [file] }));
  const descriptor = registry.getMessage(`${scope}.Model`);
  if (descriptor === undefined) throw new TypeError('no message is called Model');
  return { library, descriptor };
}

/** A model's bytes. @throws {ConfigError} without the package. */
export async function encodeModelProto(model: Partly<ModelProto>): Promise<Uint8Array> {
  const { library, descriptor } = await modelMessage();
  return library.toBinary(descriptor, library.create(descriptor, model));
}

/** A model from its bytes. @throws {DataError} naming the file. {ConfigError} without the package. */
export async function decodeModelProto(file: string, bytes: Uint8Array): Promise<ModelProto> {
  const { library, descriptor } = await modelMessage();
  try {
    // The library knows the types of fields, and TypeScript knows of them what the interfaces here say.
    const message: unknown = library.fromBinary(descriptor, bytes, { readUnknownFields: false });
    return message as ModelProto;
  } catch (cause) {
    throw new DataError(
      `${file}: expected a file of ONNX, found another or a damaged one (${(cause as Error).message})`,
      {
        cause,
      },
    );
  }
}
