/**
 * The safetensors format (huggingface.co/docs/safetensors): a little-endian u64 with the length of a JSON
 * header, the header, then the values of all tensors. Here every tensor is F32, and the metadata may hold a
 * model's description.
 */
import { DataError } from '../base/errors.js';
import { describe, sizeOf, type Tensor } from '../base/tensor.js';

/** Longest header that is read; the format's own limit. */
const maxHeader = 100 * 2 ** 20;

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** Tensors by name, and strings that go with them. */
export interface SafetensorsContent {
  tensors: Record<string, Tensor>;
  metadata: Record<string, string>;
}

/** A whole file. */
export function encodeSafetensors({ tensors, metadata }: SafetensorsContent): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, data_offsets: [offset, offset + data.byteLength] } satisfies Entry;
    offset += data.byteLength;
  }
  const json = JSON.stringify(header);
  const text = new TextEncoder().encode(json);
  // Spaces at the end bring the values to a multiple of eight bytes.
  const padding = (8 - (text.length % 8)) % 8;
  const file = new Uint8Array(8 + text.length + padding + offset);
  const view = new DataView(file.buffer);
  view.setBigUint64(0, BigInt(text.length + padding), true);
  file.set(text, 8);
  file.fill(0x20, 8 + text.length, 8 + text.length + padding);
  let at = 8 + text.length + padding;
  for (const { data } of Object.values(tensors)) {
    for (let i = 0; i < data.length; i++, at += 4) view.setFloat32(at, data[i], true);
  }
  return file;
}

/** Reads a whole file. @throws {DataError} naming `file` and what is wrong with it. */
export function decodeSafetensors(file: string, bytes: Uint8Array): SafetensorsContent {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = bytes.length >= 8 ? Number(view.getBigUint64(0, true)) : 0;
  if (length < 2 || length > maxHeader || 8 + length > bytes.length) {
    throw new DataError(`${file}: expected a safetensors file, got ${bytes.length} bytes with a header of ${length}`);
  }
  const header = parseHeader(file, bytes.subarray(8, 8 + length));
  const { __metadata__: metadata = {}, ...entries } = header;
  const values = bytes.length - 8 - length;
  const tensors: Record<string, Tensor> = {};
  for (const [name, entry] of Object.entries(entries)) {
    const { dtype, shape, data_offsets: offsets } = entry as Entry;
    if (dtype !== 'F32') throw new DataError(`${file}: '${name}': expected dtype F32, got ${describe(dtype)}`);
    const [from, to] = Array.isArray(offsets) ? offsets : [-1, -1];
    if (!Array.isArray(shape) || !(from >= 0 && to <= values && to - from === sizeOf(shape) * 4)) {
      throw new DataError(
        `${file}: '${name}': shape [${shape}] and offsets [${offsets}] do not fit ${values} bytes of values`,
      );
    }
    const data = new Float32Array(sizeOf(shape));
    for (let i = 0; i < data.length; i++) data[i] = view.getFloat32(8 + length + from + i * 4, true);
    tensors[name] = { shape, data };
  }
  return { tensors, metadata: metadata as Record<string, string> };
}

function parseHeader(file: string, bytes: Uint8Array): Record<string, unknown> {
  try {
    const header: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof header === 'object' && header !== null) return header as Record<string, unknown>;
  } catch (error) {
    throw new DataError(`${file}: expected a JSON header`, { cause: error });
  }
  throw new DataError(`${file}: expected a JSON object as the header`);
}
