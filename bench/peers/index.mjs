/** Every peer: how it is built and started, and what is missing when it is not there. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { run } from '../../scripts/lib/steps.mjs';
import { buildCpp, buildNative, buildPeak, buildWasm } from './build.mjs';

const here = import.meta.dirname;
const python = process.env.KWTA_PYTHON ?? 'python3';

/** glibc would otherwise map and unmap PyTorch's larger buffers on every step, at a third of its speed. */
const keepMemory = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '4294967296' };

/** @typedef {import('../harness.mjs').PeerDescription} PeerDescription */

/**
 * All of them. The first peer that knows a task is the one whose result the others must agree with, so ours come
 * last.
 * @returns {Promise<PeerDescription[]>}
 */
export async function peerDescriptions() {
  const threadCounts = availableParallelism() > 1 ? [1, 2] : [1];
  return [
    ...threadCounts.flatMap(nativePeers),
    { name: 'C++', threads: 1, command: async () => [await buildCpp()], hint: 'g++' },
    ...(await nodes()).flatMap((node) => nodePeers(node, threadCounts)),
    ...threadCounts.map((threads) => ({
      name: `kwta, Chromium, ${plural(threads)}`,
      threads,
      command: async () => [process.execPath, join(here, 'chromium/peer.mjs'), `${threads}`, ...(await buildPeak())],
      hint: 'Chromium; KWTA_CHROMIUM names the executable',
    })),
  ];
}

/** V8 may join neighbouring 128-bit operations into 256-bit ones: an experiment, off unless asked for. */
const wideVectors = '--experimental-wasm-revectorize';

/** @typedef {{ program: string, title: string, wide: boolean }} Node */

/** This Node, and the newer one that bench/package.json pins, which has relaxed SIMD. */
async function nodes() {
  const programs = [process.execPath, join(here, '../node_modules/node/bin/node')].filter(existsSync);
  /** @type {Map<string, Node>} */
  const byVersion = new Map();
  for (const program of programs) {
    const version = (await run(program, ['--version'], { capture: true })).trim();
    const title = `Node ${version.slice(1).split('.')[0]}`;
    if (byVersion.has(title)) continue;
    const options = await run(program, ['--v8-options'], { capture: true });
    byVersion.set(title, { program, title, wide: options.includes(wideVectors) });
  }
  return [...byVersion.values()];
}

/**
 * @param {Node} node
 * @param {number[]} threadCounts
 * @returns {PeerDescription[]}
 */
function nodePeers({ program, title, wide }, threadCounts) {
  const ours = (/** @type {number} */ threads) => `kwta, ${title}, ${plural(threads)}`;
  /** @type {(name: string, threads: number, ...flags: string[]) => PeerDescription} */
  const kwta = (name, threads, ...flags) => ({
    name,
    threads,
    command: async () => [program, ...flags, join(here, 'package.mjs'), `${threads}`, ...(await buildPeak())],
    hint: 'npm run build',
  });
  const install = 'npm ci --prefix bench';
  return [
    {
      name: `TensorFlow.js wasm, ${title}, 1 thread`,
      threads: 1,
      command: () => [program, join(here, 'tfjs.mjs')],
      peak: ours(1),
      hint: install,
    },
    {
      name: `jax-js wasm, ${title}, 1 thread`,
      threads: 1,
      command: () => [program, join(here, 'jax.mjs')],
      peak: ours(1),
      hint: install,
    },
    ...threadCounts.map((threads) => ({
      name: `onnxruntime-web, ${title}, ${plural(threads)}`,
      threads,
      command: () => [program, join(here, 'onnx/web.mjs'), `${threads}`],
      peak: ours(threads),
      hint: install,
    })),
    {
      name: `wasm, ${title}`,
      threads: 1,
      command: async () => [program, join(here, 'rust.mjs'), await buildWasm()],
      hint: 'a Rust toolchain that can build for WebAssembly',
    },
    ...(wide ? threadCounts : []).map((n) => kwta(`kwta, ${title} with 256 bits, ${plural(n)}`, n, wideVectors)),
    ...threadCounts.map((n) => kwta(ours(n), n)),
  ];
}

/**
 * @param {number} threads
 * @returns {PeerDescription[]}
 */
function nativePeers(threads) {
  const limits = { OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}`, MKL_NUM_THREADS: `${threads}` };
  const rust = `native Rust, ${plural(threads)}`;
  return [
    {
      name: `PyTorch, ${plural(threads)}`,
      threads,
      command: () => [python, join(here, 'torch_peer.py'), `${threads}`],
      env: { ...limits, ...keepMemory },
      peak: rust,
      hint: 'pip install torch numpy; KWTA_PYTHON names the interpreter',
    },
    {
      name: `numpy, ${plural(threads)}`,
      threads,
      command: () => [python, join(here, 'numpy_peer.py')],
      env: limits,
      peak: rust,
      hint: 'pip install numpy; KWTA_PYTHON names the interpreter',
    },
    {
      name: `onnxruntime-node, ${plural(threads)}`,
      threads,
      command: () => [process.execPath, join(here, 'onnx/node.mjs'), `${threads}`],
      peak: rust,
      hint: 'npm ci --prefix bench',
    },
    {
      name: rust,
      threads,
      command: async () => [await buildNative()],
      env: { RAYON_NUM_THREADS: `${threads}` },
      hint: 'a Rust toolchain',
    },
  ];
}

/** @param {number} threads */
const plural = (threads) => `${threads} thread${threads > 1 ? 's' : ''}`;
