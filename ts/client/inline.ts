/** `createRuntime` of `kwta/inline`, whose kernels and workers are in the file itself. */
import { kernels, workerProgram } from '#inlined';
import { decodeBase64, encodeBase64 } from '../io/base64.js';
import { gunzip } from '../io/gzip.js';
import { nodeThreads } from '../platform/nodeThreads.js';
import { compileBytes } from '../platform/wasm.js';
import type { Kit } from './kit.js';
import type { Runtime, RuntimeOptions } from './runtime.js';
import { startRuntime } from './start.js';

let compiled: Promise<WebAssembly.Module> | undefined;
let address: URL | undefined;

const kit: Kit = {
  variant: 'simd',
  compile() {
    compiled ??= compileInlined();
    return compiled;
  },
  program() {
    address ??= new URL(
      nodeThreads() === undefined
        ? URL.createObjectURL(new Blob([workerProgram], { type: 'text/javascript' }))
        : `data:text/javascript;base64,${encodeBase64(new TextEncoder().encode(workerProgram))}`,
    );
    return address;
  },
};

/**
 * Starts a runtime of one thread, whose engine is a worker made of this file's own text: nothing is fetched, and no other
 * file of the package has to be at hand.
 *
 * @throws as `createRuntime` of `kwta`; {ConfigError} for another variant than `simd`, or for several threads.
 */
export async function createRuntime(options: RuntimeOptions = {}): Promise<Runtime> {
  return startRuntime(kit, options);
}

async function compileInlined(): Promise<WebAssembly.Module> {
  const bytes = decodeBase64(kernels);
  // The last four bytes of gzip are the length.
  const length = new DataView(bytes.buffer).getUint32(bytes.length - 4, true);
  return compileBytes('the kernels of this file', (await gunzip('kernels', bytes, () => length)).slice());
}
