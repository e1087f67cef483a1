/** Networks to and from ONNX, by code that comes with the first call. */
import type * as calls from './onnxCalls.js';

/**
 * A model as a file of ONNX (operators of version 21), for evaluation: pixels `[N, C, H, W]` in, logits `[N, classes]` out. k-WTA
 * becomes TopK and ScatterElements, with the same winners, ties as well; how its gradient was replaced is not in there. `kwta.model`
 * in the metadata is the description.
 *
 * @throws {ConfigError} without the package @bufbuild/protobuf, or for a model that answers at random.
 */
export const exportOnnx: typeof calls.exportOnnx = async (...args) =>
  (await import('./onnxCalls.js')).exportOnnx(...args);

/**
 * The network in a file of ONNX, made of the layers that there are here: convolutions, linear layers, normalisations, pooling, the
 * activations, sums and concatenations, and k-WTA where it is a TopK whose values are put back or compared with. Build it by
 * `runtime.model(spec)` and `model.loadStateDict(stateDict)`.
 *
 * @param source the file's bytes, or a path or a URL.
 * @throws {DataError} listing every node that has no counterpart, by name; or naming what is wrong with the file.
 * @throws {ConfigError} without the package @bufbuild/protobuf.
 */
export const importOnnx: typeof calls.importOnnx = async (...args) =>
  (await import('./onnxCalls.js')).importOnnx(...args);
