/** Which build of the kernels this platform can run, and which one a runtime takes. */
import { relaxedSimd, simd } from 'wasm-feature-detect';
import { ConfigError } from '../base/errors.js';

/** `simd`: one thread, no shared memory. `simd-threads`: the same bits. `relaxed-threads`: fused multiply-add, fastest. */
export type Variant = 'simd' | 'simd-threads' | 'relaxed-threads';

export const variants: readonly Variant[] = ['simd', 'simd-threads', 'relaxed-threads'];

/** True where wasm memory can be shared between workers; a page needs COOP and COEP headers for it. */
export function sharedMemory(): boolean {
  if (typeof SharedArrayBuffer === 'undefined') return false;
  return (globalThis as { crossOriginIsolated?: boolean }).crossOriginIsolated ?? true;
}

/**
 * The variant to load.
 *
 * @throws {ConfigError} when the platform lacks 128-bit SIMD, or what `wanted` needs.
 */
export async function chooseVariant(options: { deterministic: boolean; wanted?: Variant }): Promise<Variant> {
  if (!(await simd())) {
    throw new ConfigError('createRuntime: expected an engine with WebAssembly SIMD (any of 2021 or later), found none');
  }
  const shared = sharedMemory();
  const relaxed = await relaxedSimd();
  const { wanted } = options;
  if (wanted !== undefined) {
    if (wanted !== 'simd' && !shared) {
      throw new ConfigError(`variant: '${wanted}' expects shared memory (COOP and COEP headers), the page has none`);
    }
    if (wanted === 'relaxed-threads' && !relaxed) {
      throw new ConfigError(`variant: '${wanted}' expects relaxed SIMD (Node 22, Chromium 114 or later), found none`);
    }
    return wanted;
  }
  if (!shared) return 'simd';
  return relaxed && !options.deterministic ? 'relaxed-threads' : 'simd-threads';
}
