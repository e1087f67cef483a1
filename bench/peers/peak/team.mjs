/**
 * Runs the kernels of module.mjs on several threads at once: this one, and helpers that spin for a moment before they
 * sleep, so that a burst of runs pays for waking them once.
 */

/** As many as stay in the sixteen registers of x86-64, beside a, b and the engine's own; enough to hide latencies. */
export const chains = 12;
/** Floating-point operations of one round. */
const flopsPerRound = chains * 4 * 2;
const SPIN_MS = 2;
/** Places in the memory that the threads share. */
const [JOINED, JOB, DONE, KERNEL, FIRST, SECOND] = [0, 1, 2, 3, 4, 5];
const [PLAIN, RELAXED, COPY] = [0, 1, 2];
/** Floating-point operations of one run of a peak kernel: a few milliseconds. */
const runFlops = 2 ** 28;

/**
 * @typedef {WebAssembly.Module[]} Modules  the plain one, and the relaxed one where the engine takes it
 * @typedef {{ modules: Modules, shared: Int32Array }} Helper  what a helper is started with
 */

/**
 * The modules that this engine takes.
 * @param {BufferSource[]} bytes plain, relaxed
 * @returns {Promise<Modules>}
 */
export function compile(bytes) {
  return Promise.all(
    bytes.filter((module) => WebAssembly.validate(module)).map((module) => WebAssembly.compile(module)),
  );
}

/** The kernels of one thread. @param {Modules} modules */
function kernelsOf(modules) {
  const instances = modules.map((module) => /** @type {any} */ (new WebAssembly.Instance(module).exports));
  const [{ memory, copy }] = instances;
  /** @param {Int32Array} shared */
  return (shared) => {
    const [kernel, first, second] = [shared[KERNEL], shared[FIRST], shared[SECOND]];
    if (kernel !== COPY) return instances[kernel].peak(first, 0.999, 0.001);
    const missing = 2 * first - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return copy(0, first, first, second);
  };
}

/** The life of a helper. @param {Helper} helper */
export function help({ modules, shared }) {
  const work = kernelsOf(modules);
  Atomics.add(shared, JOINED, 1);
  Atomics.notify(shared, JOINED);
  for (let job = 0; ; ) {
    const end = performance.now() + SPIN_MS;
    while (Atomics.load(shared, JOB) === job) if (performance.now() > end) Atomics.wait(shared, JOB, job);
    job = Atomics.load(shared, JOB);
    work(shared);
    Atomics.add(shared, DONE, 1);
  }
}

/**
 * Loaders of the tasks `peak` and `copy`, and the peak of the wanted kind.
 * @param {Modules} modules
 * @param {number} threads
 * @param {(helper: Helper) => void} start  starts a thread that calls `help`
 * @param {boolean} relaxed  whether the reference is relaxed multiply-add
 */
export function startPeak(modules, threads, start, relaxed) {
  const shared = new Int32Array(new SharedArrayBuffer(4 * 8));
  const work = kernelsOf(modules);
  for (let i = 1; i < threads; i++) start({ modules, shared });

  const run = (/** @type {number} */ kernel, /** @type {number} */ first, /** @type {number} */ second) => {
    for (let joined = 0; joined < threads - 1; joined = Atomics.load(shared, JOINED)) {
      Atomics.wait(shared, JOINED, joined, 1000);
    }
    shared.set([kernel, first, second], KERNEL);
    Atomics.store(shared, DONE, 0);
    Atomics.add(shared, JOB, 1);
    Atomics.notify(shared, JOB);
    work(shared);
    while (Atomics.load(shared, DONE) < threads - 1);
  };
  const rounds = Math.round(runFlops / threads / flopsPerRound);
  const variant = (/** @type {number} */ kernel, /** @type {number} */ first, /** @type {number} */ second) => ({
    run: () => run(kernel, first, second),
    output: () => new Float32Array(),
  });

  const plain = { name: 'mul+add', kernel: PLAIN };
  const kinds = modules.length > 1 ? [plain, { name: 'relaxed-madd', kernel: RELAXED }] : [plain];
  const { name, kernel } = kinds[relaxed ? 1 : 0];
  return {
    peak: { name, flops: rounds * threads * flopsPerRound, run: () => run(kernel, rounds, 0) },
    loaders: {
      /** @returns {import('../conversation.mjs').Variants} */
      peak: () => Object.fromEntries(kinds.map(({ name, kernel }) => [name, variant(kernel, rounds, 0)])),
      copy: (/** @type {import('../conversation.mjs').Spec} */ { bytes, times }) => ({
        copy: variant(COPY, bytes, times / threads),
      }),
    },
  };
}
