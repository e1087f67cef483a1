/** Models as files: safetensors, with the model's description in the metadata. */
import { DataError } from '../base/errors.js';
import { parse } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';

const key = 'kwta.model';

/** A model's file. */
export function encodeModel(spec: ModelSpec, stateDict: Record<string, Tensor>): Uint8Array {
  return encodeSafetensors({ tensors: stateDict, metadata: { [key]: JSON.stringify(spec) } });
}

/** The model in a file. @throws {DataError} when it is not one that {@link encodeModel} made. */
export function decodeModel(file: string, bytes: Uint8Array): { spec: ModelSpec; stateDict: Record<string, Tensor> } {
  const { tensors, metadata } = decodeSafetensors(file, bytes);
  const text = metadata[key];
  if (typeof text !== 'string') {
    throw new DataError(`${file}: expected a model's description ('${key}') in the metadata, found none`);
  }
  let description: unknown;
  try {
    description = JSON.parse(text);
  } catch (error) {
    throw new DataError(`${file}: expected '${key}' to be JSON`, { cause: error });
  }
  return { spec: parse(modelSchema, description, `${file}: model`, DataError), stateDict: tensors };
}
