/** Which variant a compiled module is. */
import { ConfigError } from '../base/errors.js';
import type { Variant } from './variant.js';

/** @throws {ConfigError} when it is none of kwta's. */
export function variantOf(module: WebAssembly.Module): Variant {
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  if (!names.includes('kwta_forward') || !names.includes('install_panic_message')) {
    throw new ConfigError(
      'initialize: expected one of the files kwta/wasm/*.wasm, got a WebAssembly module with other exports',
    );
  }
  if (!WebAssembly.Module.imports(module).some(({ kind }) => kind === 'memory')) return 'simd';
  // What the compiler was allowed to use stands in a section of its own.
  const [features] = WebAssembly.Module.customSections(module, 'target_features');
  const relaxed = features !== undefined && new TextDecoder().decode(features).includes('relaxed-simd');
  return relaxed ? 'relaxed-threads' : 'simd-threads';
}
