/**
 * The child's side of the conversation with the harness (../harness.mjs), for peers in JavaScript, wherever they run.
 *
 * Each request is one line, each answer one object:
 *   info                              -> { versions: { name: version }, peak? }
 *   load <task> key=value ...         -> { variants: [name, ...] }, empty when the peer cannot do the task
 *   check <variant> <file>            -> { ok: true }; runs once and writes the result as raw float32
 *   time <variant> <repetitions>      -> { ms: [...] }, one figure per run and step; `reset` is not timed
 * Inputs are raw little-endian float32 files `<name>.f32` in the folder `dir`, in PyTorch's layouts, as are results.
 *
 * A peer that knows what its processor can do at best answers `info` with `peak: { name, flops }`; `time peak` then
 * runs that many floating-point operations, whatever task is loaded.
 */

/**
 * @typedef {Record<string, any> & { dir: string }} Spec  numbers are parsed, everything else is a string
 * @typedef {{ run: () => unknown, output: (result: any) => Float32Array | Promise<Float32Array>, reset?: () => void,
 *             release?: (result: any) => void, steps?: number }} Variant  `steps`: how many are in one run; 1 by default
 * @typedef {Record<string, Variant>} Variants
 * @typedef {(name: string) => Float32Array} Read  an input of the task
 * @typedef {(spec: Spec, read: Read) => Variants | Promise<Variants>} Loader
 * @typedef {{ name: string, flops: number, run: () => void }} Peak
 *
 * @typedef {object} PeerSide
 * @property {Record<string, string>} versions
 * @property {Record<string, Loader>} loaders by task
 * @property {(spec: Spec) => Read | Promise<Read>} open
 * @property {(file: string, data: Float32Array) => void | Promise<unknown>} save
 * @property {Peak} [peak]
 */

/**
 * What answers one request after the other.
 * @param {PeerSide} side
 * @returns {(line: string) => Promise<object>}
 */
export function conversation({ versions, loaders, open, save, peak }) {
  /** @type {Variants} */
  let variants = {};

  /** @param {string} line */
  async function answer(line) {
    const [command, ...words] = line.trim().split(' ');
    if (command === 'info') return { versions, peak: peak && { name: peak.name, flops: peak.flops } };
    if (command === 'load') {
      const [task, ...pairs] = words;
      variants = {}; // lets the old task go before the new one is built
      if (loaders[task]) {
        const spec = parse(pairs);
        variants = await loaders[task](spec, await open(spec));
      }
      return { variants: Object.keys(variants) };
    }
    const [name, argument] = words;
    const variant = name === 'peak' && peak ? { ...peak, output: () => new Float32Array() } : variants[name];
    if (command === 'check') {
      variant.reset?.();
      const result = await variant.run();
      await save(argument, await variant.output(result));
      variant.release?.(result);
      return { ok: true };
    }
    if (command === 'time') return { ms: await time(variant, Number(argument)) };
    throw new Error(`no such command: ${line}`);
  }

  return (line) => answer(line).catch((error) => ({ error: String(error?.stack ?? error) }));
}

/**
 * @param {Variant} variant
 * @param {number} repetitions
 */
async function time({ reset, run, release, steps = 1 }, repetitions) {
  const ms = [];
  for (let i = 0; i < repetitions; i++) {
    reset?.();
    const start = performance.now();
    let result = run();
    if (isPromise(result)) result = await result;
    ms.push((performance.now() - start) / steps);
    release?.(result);
  }
  return ms;
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
