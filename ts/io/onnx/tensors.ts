/** Tensors and attributes of ONNX, and what they are here. */
import { DataError } from '../../base/errors.js';
import { isSizes, shapeText, sizeOf, type Tensor } from '../../base/tensor.js';
import { type NumberTypeName, numberTypes, readNumbers } from '../numberTypes.js';
import type { AttributeProto, NodeProto, Partly, TensorProto } from './proto.js';

/** ONNX's numbers of types. */
const types: Record<number, NumberTypeName> = {
  1: 'F32',
  2: 'U8',
  3: 'I8',
  4: 'U16',
  5: 'I16',
  6: 'I32',
  7: 'I64',
  9: 'BOOL',
  10: 'F16',
  11: 'F64',
  12: 'U32',
  13: 'U64',
  16: 'BF16',
  17: 'F8_E4M3',
  19: 'F8_E5M2',
};

/** Numbers of the types that are written. */
export const float32 = 1;
const int64 = 7;

/** Values and whole numbers as constants of a graph. */
export function floatTensor(name: string, { shape, data }: Tensor): Partly<TensorProto> {
  const rawData = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return { name, dims: shape.map(BigInt), dataType: float32, rawData };
}

export function wholeTensor(
  name: string,
  values: readonly number[],
  shape: number[] = [values.length],
): Partly<TensorProto> {
  return {
    name,
    dims: shape.map(BigInt),
    dataType: int64,
    rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  };
}

/** A tensor's values as 32-bit floats. @throws {DataError} naming `place`. */
export function readTensor(place: string, tensor: TensorProto): Tensor {
  const { dims, dataType, rawData, dataLocation } = tensor;
  const shape = dims.map(Number);
  const type = types[dataType];
  if (type === undefined) throw new DataError(`${place}: expected a tensor of numbers, got the type ${dataType}`);
  if (dataLocation !== 0) throw new DataError(`${place}: expected values inside the file, got those of another file`);
  if (!isSizes(shape)) {
    throw new DataError(`${place}: expected extents >= 0, got ${shapeText(shape)}`);
  }
  const listed = [tensor.floatData, tensor.int32Data, tensor.int64Data, tensor.doubleData, tensor.uint64Data];
  const numbers = listed.find((values) => values.length > 0);
  // Half floats are kept as whole numbers that have their bits.
  const bits = type === 'F16' || type === 'BF16' || type.startsWith('F8');
  if (numbers === undefined && rawData.length % numberTypes[type].bytes !== 0) {
    throw new DataError(
      `${place}: expected whole values of ${numberTypes[type].bytes} bytes, got ${rawData.length} bytes`,
    );
  }
  const data =
    numbers === undefined
      ? readNumbers(type, rawData)
      : bits
        ? readNumbers(type, bytesOfBits(numbers, numberTypes[type].bytes))
        : Float32Array.from(numbers as (number | bigint)[], Number);
  if (data.length !== sizeOf(shape)) {
    throw new DataError(`${place}: expected ${sizeOf(shape)} values for ${shapeText(shape)}, got ${data.length}`);
  }
  return { shape, data };
}

function bytesOfBits(values: readonly (number | bigint)[], width: number): Uint8Array {
  const numbers = values.map(Number);
  return width === 1 ? Uint8Array.from(numbers) : new Uint8Array(Uint16Array.from(numbers).buffer);
}

/** ONNX's numbers of kinds of attributes. */
const kinds = { float: 1, int: 2, ints: 7 } as const;

/** Attributes of a node from plain values: a list is of whole numbers, a number one, `{ float }` is one of 32 bits. */
export function attributes(
  values: Record<string, number | readonly number[] | { float: number }>,
): Partly<AttributeProto>[] {
  return Object.entries(values).map(([name, value]) => {
    if (typeof value === 'number') return { name, type: kinds.int, i: BigInt(value) };
    if ('float' in value) return { name, type: kinds.float, f: value.float };
    return { name, type: kinds.ints, ints: value.map(BigInt) };
  });
}

/** Reads attributes of a node, each with what stands for it when it is left out. */
export class Attributes {
  readonly #byName: ReadonlyMap<string, AttributeProto>;

  constructor({ attribute }: NodeProto) {
    this.#byName = new Map(attribute.map((each) => [each.name, each]));
  }

  int(name: string, otherwise: number): number {
    const found = this.#byName.get(name);
    return found === undefined ? otherwise : Number(found.i);
  }

  float(name: string, otherwise: number): number {
    const found = this.#byName.get(name);
    return found === undefined ? otherwise : found.f;
  }

  ints(name: string): number[] | undefined {
    return this.#byName.get(name)?.ints.map(Number);
  }

  text(name: string, otherwise: string): string {
    const found = this.#byName.get(name);
    return found === undefined ? otherwise : new TextDecoder().decode(found.s);
  }

  tensor(name: string): TensorProto | undefined {
    return this.#byName.get(name)?.t;
  }
}
