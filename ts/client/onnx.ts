/** Networks to and from ONNX. */
import { platform } from '#platform';
import { isUint8Array } from '../base/arrays.js';
import { checkKeys } from '../base/check.js';
import { ConfigError, DataError } from '../base/errors.js';
import { checkPath } from '../base/paths.js';
import { parse } from '../base/schema.js';
import { describe } from '../base/tensor.js';
import { modelInput } from '../graph/containers.js';
import { decodeOnnx, type OnnxModel } from '../io/onnx/decode.js';
import { encodeOnnx } from '../io/onnx/encode.js';
import { connected, type Model } from './model.js';

/**
 * A model as a file of ONNX (operators of version 21), for evaluation: pixels `[N, C, H, W]` in, logits `[N, classes]` out. k-WTA
 * becomes TopK and ScatterElements, with the same winners, ties as well; how its gradient was replaced is not in there. `kwta.model`
 * in the metadata is the description.
 *
 * @throws {ConfigError} without the package @bufbuild/protobuf, or for a model that answers at random.
 */
export async function exportOnnx(model: Model): Promise<Uint8Array> {
  if (typeof model !== 'object' || model === null || !(connected in model))
    throw new ConfigError(`exportOnnx: expected a model, got ${describe(model)}`);
  return encodeOnnx(model.spec, await model.stateDict());
}

/** Options of {@link importOnnx}. */
export interface ImportOnnxOptions {
  /** `[C, H, W]` of an image, where the file leaves height or width open. */
  input?: [number, number, number];
}

/**
 * The network in a file of ONNX, made of the layers that there are here: convolutions, linear layers, normalisations, pooling, the
 * activations, sums and concatenations, and k-WTA where it is a TopK whose values are put back or compared with. Build it by
 * `runtime.model(spec)` and `model.loadStateDict(stateDict)`.
 *
 * @param source the file's bytes, or a path or a URL.
 * @throws {DataError} listing every node that has no counterpart, by name; or naming what is wrong with the file.
 * @throws {ConfigError} without the package @bufbuild/protobuf.
 */
export async function importOnnx(
  source: Uint8Array | string | URL,
  options: ImportOnnxOptions = {},
): Promise<OnnxModel> {
  checkKeys('importOnnx', options, ['input']);
  const input = options.input && parse(modelInput, options.input, 'importOnnx.input');
  if (isUint8Array(source)) return decodeOnnx('importOnnx', source, input);
  checkPath('importOnnx', source);
  const bytes = await platform.readFile(source);
  if (bytes === undefined) throw new DataError(`importOnnx: there is no file ${source}`);
  return decodeOnnx(String(source), bytes, input);
}
