/**
 * This project's kernels in WebAssembly, on one thread, without the package around them: the module that
 * rust/ compiles to. Usage: kernels.mjs FILE.wasm
 */
import { readFileSync } from 'node:fs';
import { readInput, serve } from './protocol.mjs';

const module = new WebAssembly.Module(readFileSync(process.argv[2]));

/** @param {any} spec */
function load(spec, /** @type {string} */ task, /** @type {string[]} */ inputs) {
  // A fresh instance for each task: nothing that an earlier one left in memory helps or hinders.
  const { exports } = new WebAssembly.Instance(module);
  const wasm = /** @type {any} */ (exports);
  const writeText = (/** @type {string} */ text) => {
    const bytes = new TextEncoder().encode(text);
    const at = wasm.text(bytes.length);
    new Uint8Array(wasm.memory.buffer, at, bytes.length).set(bytes);
  };
  for (const name of inputs) {
    const data = readInput(spec, name);
    writeText(name);
    const at = wasm.input(data.length);
    new Float32Array(wasm.memory.buffer, at, data.length).set(data);
  }
  const pairs = Object.entries(spec).map(([key, value]) => `${key}=${value}`);
  writeText(`${task} ${pairs.join(' ')}`);
  const count = wasm.load_task();
  const names = Array.from({ length: count }, (_, i) =>
    new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, wasm.variant_name(i), wasm.variant_name_len(i))),
  );
  const variant = (/** @type {number} */ i) => ({
    run: () => wasm.run(i),
    reset: task === 'select' ? () => wasm.reset() : undefined,
    output: () => {
      const at = wasm.output(i);
      return new Float32Array(wasm.memory.buffer, at, wasm.output_len()).slice();
    },
  });
  return Object.fromEntries(names.map((name, i) => [name, variant(i)]));
}

await serve(
  { node: process.version },
  {
    select: (spec) => load(spec, 'select', ['x']),
    matmul: (spec) => load(spec, 'matmul', ['a', 'b']),
    conv2d: (spec) => load(spec, 'conv2d', ['x', 'weight', 'dy']),
  },
);
