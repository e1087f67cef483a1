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

/** See `exportOnnx` in onnx.ts. */
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

/** See `importOnnx` in onnx.ts. */
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
