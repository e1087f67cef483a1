/** jax-js on its WebAssembly backend. In Node it has one thread: its pool wants the workers of browsers. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultDevice, init, lax, numpy } from '@jax-js/jax';
import { serve } from './protocol.mjs';

await init('wasm');
defaultDevice('wasm');
const description = fileURLToPath(new URL('../package.json', import.meta.resolve('@jax-js/jax')));
const { version } = JSON.parse(readFileSync(description, 'utf8'));

/** @typedef {import('@jax-js/jax').Array} JaxArray */

/** @type {JaxArray[]} */
const held = [];

/**
 * An array that is kept until the next task.
 * @param {Float32Array} data
 * @param {number[]} shape
 */
function hold(data, shape) {
  const array = numpy.array(/** @type {Float32Array<ArrayBuffer>} */ (data), { shape });
  held.push(array);
  return array;
}

function releaseHeld() {
  for (const array of held.splice(0)) array.dispose();
}

/**
 * Computes and waits for the result.
 * @param {() => JaxArray} compute
 * @returns {import('./conversation.mjs').Variant}
 */
const variant = (compute) => ({
  run: () => compute().blockUntilReady(),
  output: async (/** @type {JaxArray} */ result) => Float32Array.from(await result.ref.data()),
  release: (/** @type {JaxArray} */ result) => result.dispose(),
});

await serve(
  { 'jax-js': version, node: process.version },
  {
    matmul({ m, n, k }, read) {
      releaseHeld();
      const [a, b] = [hold(read('a'), [m, k]), hold(read('b'), [k, n])];
      // `ref` keeps an array that the call would otherwise use up.
      return { matmul: variant(() => numpy.matmul(a.ref, b.ref)) };
    },

    /** @returns {import('./conversation.mjs').Variants} */
    conv2d({ pass, n, h, w, out, kernel, stride, padding, in: channels }, read) {
      if (pass !== 'forward') return {};
      releaseHeld();
      const x = hold(read('x'), [n, channels, h, w]);
      const weight = hold(read('weight'), [out, channels, kernel, kernel]);
      /** @type {[number, number][]} */
      const around = [
        [padding, padding],
        [padding, padding],
      ];
      return { conv2d: variant(() => lax.convGeneralDilated(x.ref, weight.ref, [stride, stride], around)) };
    },
  },
);
