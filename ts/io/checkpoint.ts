/** Models as files: safetensors, with the model's description in the metadata. */
import { DataError, DivergedError } from '../base/errors.js';
import { parse } from '../base/schema.js';
import type { Tensor } from '../base/tensor.js';
import { type ModelSpec, modelSchema } from '../graph/containers.js';
import { parseJson } from './json.js';
import { decodeSafetensors, encodeSafetensors } from './safetensors.js';

const key = 'kwta.model';

/** A model's file. @throws {DivergedError} naming a parameter that could not be loaded again. */
export function encodeModel(spec: ModelSpec, stateDict: Record<string, Tensor>): Uint8Array {
  for (const [name, { data }] of Object.entries(stateDict)) {
    const bad = data.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0)
      throw new DivergedError(`the model is not saved: '${name}' has the value ${data[bad]} at index ${bad}`);
  }
  return encodeSafetensors({ tensors: stateDict, metadata: { [key]: JSON.stringify(spec) } });
}

/**
 * The model in a file, its description parsed.
 *
 * @throws {DataError} when it is not one that {@link encodeModel} made.
 */
export function decodeModel(file: string, bytes: Uint8Array): { spec: ModelSpec; stateDict: Record<string, Tensor> } {
  const { tensors, metadata } = decodeSafetensors(file, bytes);
  if (!Object.hasOwn(metadata, key)) {
    throw new DataError(`${file}: expected a model's description ('${key}') in the metadata, found none`);
  }
  const description = parseJson(file, `'${key}'`, metadata[key]);
  return { spec: parse(modelSchema, description, `${file}: model`, DataError), stateDict: tensors };
}
