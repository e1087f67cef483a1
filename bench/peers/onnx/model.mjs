/**
 * ONNX models of one node, encoded by hand: the few messages of ONNX's protocol buffers that these need. Field numbers
 * are those of onnx.proto.
 */

const FLOAT = 1;
const INTS = 7;
const OPSET = 17;
const IR_VERSION = 8;

/** @typedef {Uint8Array} Bytes */
/** @typedef {{ name: string, shape: number[] }} Value */

const encoder = new TextEncoder();

/** @param {Bytes[]} parts */
function concat(...parts) {
  const result = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

/** @param {number} value a whole number from 0 */
function varint(value) {
  const bytes = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) + 128);
  return Uint8Array.from([...bytes, value]);
}

/** A number as a field. @type {(field: number, value: number) => Bytes} */
const number = (field, value) => concat(varint(field << 3), varint(value));

/** Bytes, text or a message as a field. @type {(field: number, content: Bytes | string) => Bytes} */
function chunk(field, content) {
  const bytes = typeof content === 'string' ? encoder.encode(content) : content;
  return concat(varint((field << 3) | 2), varint(bytes.length), bytes);
}

/** ValueInfoProto of floats. @param {Value} value */
function valueInfo({ name, shape }) {
  const dimensions = shape.map((size) => chunk(1, number(1, size)));
  const tensor = concat(number(1, FLOAT), chunk(2, concat(...dimensions)));
  return concat(chunk(1, name), chunk(2, chunk(1, tensor)));
}

/** TensorProto. @param {Value & { data: Float32Array }} tensor */
function constant({ name, shape, data }) {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return concat(...shape.map((size) => number(1, size)), number(2, FLOAT), chunk(8, name), chunk(9, bytes));
}

/** AttributeProto. @type {(name: string, values: number[]) => Bytes} */
const attribute = (name, values) =>
  concat(chunk(1, name), ...values.map((value) => number(8, value)), number(20, INTS));

/**
 * A model that computes `output` from `inputs` and `constants` by one operation.
 * @param {object} description
 * @param {string} description.operation
 * @param {Value[]} description.inputs
 * @param {(Value & { data: Float32Array })[]} [description.constants]
 * @param {Value} description.output
 * @param {Record<string, number[]>} [description.attributes]
 */
export function onnxModel({ operation, inputs, constants = [], output, attributes = {} }) {
  const node = concat(
    ...[...inputs, ...constants].map(({ name }) => chunk(1, name)),
    chunk(2, output.name),
    chunk(4, operation),
    ...Object.entries(attributes).map(([name, values]) => chunk(5, attribute(name, values))),
  );
  const graph = concat(
    chunk(1, node),
    chunk(2, operation),
    ...constants.map((tensor) => chunk(5, constant(tensor))),
    ...inputs.map((input) => chunk(11, valueInfo(input))),
    chunk(12, valueInfo(output)),
  );
  return concat(number(1, IR_VERSION), chunk(7, graph), chunk(8, number(2, OPSET)));
}
