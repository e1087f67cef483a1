/**
 * This project's selection beside Rust's own, compiled into one WebAssembly module (rust/), on one thread.
 * Usage: rust.mjs FILE.wasm
 */
import { readFileSync } from 'node:fs';
import { serve } from './protocol.mjs';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));

/** @type {import('./conversation.mjs').Loader} */
function select(spec, read) {
  // A fresh instance for each task: nothing that an earlier one left in memory helps or hinders.
  const { exports } = new WebAssembly.Instance(module);
  const wasm = /** @type {any} */ (exports);
  const writeText = (/** @type {string} */ text) => {
    const bytes = new TextEncoder().encode(text);
    const at = wasm.text(bytes.length);
    new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
  };
  const x = read('x');
  writeText('x');
  const at = wasm.input(x.length);
  new Float32Array(wasm.memory.buffer, at, x.length).set(x);
  writeText(`select n=${spec.n} k=${spec.k}`);

  const variant = (/** @type {number} */ i) => {
    const name = new Uint8Array(wasm.memory.buffer, wasm.variant_name(i), wasm.variant_name_len(i));
    const output = () => {
      const at = wasm.output(i);
      return new Float32Array(wasm.memory.buffer, at, wasm.output_len()).slice();
    };
    return [new TextDecoder().decode(name), { run: () => wasm.run(i), reset: () => wasm.reset(), output }];
  };
  return Object.fromEntries(Array.from({ length: wasm.load_task() }, (_, i) => variant(i)));
}

await serve({ node: process.version }, { select });
