/** The wasm files that lie beside the package's code. */
import type { Variant } from './variant.js';

/** Where the file of a variant lies. */
export function wasmUrl(variant: Variant): URL {
  // Written out one by one: bundlers find assets by this pattern.
  switch (variant) {
    case 'simd':
      return new URL('../wasm/simd/kwta_bg.wasm', import.meta.url);
    case 'simd-threads':
      return new URL('../wasm/simd-threads/kwta_bg.wasm', import.meta.url);
    case 'relaxed-threads':
      return new URL('../wasm/relaxed-threads/kwta_bg.wasm', import.meta.url);
  }
}
