/**
 * The child's side of the conversation with the harness (../harness.mjs), for peers in JavaScript.
 *
 * One request per line on stdin, one JSON answer per line on stdout:
 *   info                              -> { versions: { name: version } }
 *   load <task> key=value ...         -> { variants: [name, ...] }, empty when the peer cannot do the task
 *   check <variant> <file>            -> { ok: true }; runs once and writes the result as raw float32
 *   time <variant> <repetitions>      -> { ms: [...] }, one figure per run and step; `reset` is not timed
 * Inputs are raw little-endian float32 files `<name>.f32` in the folder `dir`, in PyTorch's layouts, as are results.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/**
 * @typedef {Record<string, any> & { dir: string }} Spec  numbers are parsed, everything else is a string
 * @typedef {{ run: () => unknown, output: (result: any) => Float32Array | Promise<Float32Array>, reset?: () => void,
 *             release?: (result: any) => void, steps?: number }} Variant  `steps`: how many are in one run; 1 by default
 * @typedef {(spec: Spec) => Record<string, Variant> | Promise<Record<string, Variant>>} Loader
 */

/**
 * Answers requests until stdin closes.
 * @param {Record<string, string>} versions
 * @param {Record<string, Loader>} loaders by task
 */
export async function serve(versions, loaders) {
  /** @type {Record<string, Variant>} */
  let variants = {};

  /** @param {string} line */
  async function answer(line) {
    const [command, ...words] = line.trim().split(' ');
    if (command === 'info') return { versions };
    if (command === 'load') {
      const [task, ...pairs] = words;
      variants = {}; // lets the old task go before the new one is built
      variants = (await loaders[task]?.(parse(pairs))) ?? {};
      return { variants: Object.keys(variants) };
    }
    const { reset, run, output, release, steps = 1 } = variants[words[0]];
    if (command === 'check') {
      reset?.();
      const result = await run();
      writeFileSync(words[1], await output(result));
      release?.(result);
      return { ok: true };
    }
    if (command === 'time') {
      const ms = [];
      for (let i = 0; i < Number(words[1]); i++) {
        reset?.();
        const start = performance.now();
        let result = run();
        if (isPromise(result)) result = await result;
        ms.push((performance.now() - start) / steps);
        release?.(result);
      }
      return { ms };
    }
    throw new Error(`no such command: ${line}`);
  }

  for await (const line of createInterface({ input: process.stdin })) {
    const reply = await answer(line).catch((error) => ({ error: String(error?.stack ?? error) }));
    process.stdout.write(`${JSON.stringify(reply)}\n`);
  }
}

/** Only those are awaited: an `await` in the timed part costs microseconds. @param {any} value */
const isPromise = (value) => typeof value?.then === 'function';

/**
 * @param {string[]} pairs
 * @returns {Spec}
 */
function parse(pairs) {
  const entries = pairs.map((pair) => {
    const at = pair.indexOf('=');
    const value = pair.slice(at + 1);
    return [pair.slice(0, at), value !== '' && Number.isFinite(Number(value)) ? Number(value) : value];
  });
  return Object.fromEntries(entries);
}

/**
 * @param {Spec} spec
 * @param {string} name
 */
export function readInput(spec, name) {
  const bytes = readFileSync(`${spec.dir}/${name}.f32`);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

/**
 * Reorders a tensor: axis i of the result is axis `axes[i]` of `data`.
 * @param {Float32Array} data
 * @param {number[]} shape
 * @param {number[]} axes
 */
export function transpose(data, shape, axes) {
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((a, b) => a * b, 1));
  const [d0, d1, d2, d3] = axes.map((axis) => shape[axis]);
  const [s0, s1, s2, s3] = axes.map((axis) => strides[axis]);
  const result = new Float32Array(data.length);
  let at = 0;
  for (let i = 0; i < d0; i++)
    for (let j = 0; j < d1; j++)
      for (let k = 0; k < d2; k++) for (let l = 0; l < d3; l++) result[at++] = data[i * s0 + j * s1 + k * s2 + l * s3];
  return result;
}
