/** Every peer: how it is built and started, and what is missing when it is not there. */
import { existsSync, mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nativeEnvironment } from '../../scripts/lib/rust.mjs';
import { cache, run, which } from '../../scripts/lib/steps.mjs';
import { buildStd, wasmEnvironment } from '../../scripts/lib/wasm.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const python = process.env.KWTA_PYTHON ?? 'python3';

/** glibc would otherwise map and unmap PyTorch's larger buffers on every step, at a third of its speed. */
const keepMemory = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '4294967296' };

/** @typedef {import('../harness.mjs').PeerDescription} PeerDescription */

/**
 * Builds what needs building. The first peer that knows a task is the one whose result the others must agree with, so
 * ours come last.
 * @returns {Promise<PeerDescription[]>}
 */
export async function peerDescriptions() {
  const threadCounts = availableParallelism() > 1 ? [1, 2] : [1];
  const module = await buildWasm();
  const native = await buildNative();
  return [
    ...threadCounts.flatMap((threads) => nativePeers(threads, native)),
    { name: 'C++', threads: 1, command: [await buildCpp()], hint: 'g++' },
    ...(await nodes()).flatMap((node) => nodePeers(node, threadCounts, module)),
  ];
}

/** @typedef {{ program: string, title: string }} Node */

/** This Node, and the newer one that bench/package.json pins, which has relaxed SIMD. */
async function nodes() {
  const programs = [process.execPath, join(here, '../node_modules/node/bin/node')].filter(existsSync);
  /** @type {Map<string, Node>} */
  const byVersion = new Map();
  for (const program of programs) {
    const version = (await run(program, ['--version'], { capture: true })).trim();
    const title = `Node ${version.slice(1).split('.')[0]}`;
    if (!byVersion.has(title)) byVersion.set(title, { program, title });
  }
  return [...byVersion.values()];
}

/**
 * @param {Node} node
 * @param {number[]} threadCounts
 * @param {string} module
 * @returns {PeerDescription[]}
 */
function nodePeers({ program, title }, threadCounts, module) {
  return [
    {
      name: `wasm, ${title}`,
      threads: 1,
      command: [program, join(here, 'rust.mjs'), module],
      hint: 'a Rust toolchain that can build for WebAssembly',
    },
    ...threadCounts.map((threads) => ({
      name: `kwta, ${title}, ${plural(threads)}`,
      threads,
      command: [program, join(here, 'package.mjs'), `${threads}`],
      hint: 'npm run build',
    })),
    {
      name: `TensorFlow.js wasm, ${title}, 1 thread`,
      threads: 1,
      command: [program, join(here, 'tfjs.mjs')],
      hint: 'npm ci --prefix bench',
    },
  ];
}

/**
 * @param {number} threads
 * @param {string} native
 * @returns {PeerDescription[]}
 */
function nativePeers(threads, native) {
  const limits = { OMP_NUM_THREADS: `${threads}`, OPENBLAS_NUM_THREADS: `${threads}`, MKL_NUM_THREADS: `${threads}` };
  return [
    {
      name: `PyTorch, ${plural(threads)}`,
      threads,
      command: [python, join(here, 'torch_peer.py'), `${threads}`],
      env: { ...limits, ...keepMemory },
      hint: 'pip install torch numpy; KWTA_PYTHON names the interpreter',
    },
    {
      name: `numpy, ${plural(threads)}`,
      threads,
      command: [python, join(here, 'numpy_peer.py')],
      env: limits,
      hint: 'pip install numpy; KWTA_PYTHON names the interpreter',
    },
    {
      name: `native Rust, ${plural(threads)}`,
      threads,
      command: [native],
      env: { RAYON_NUM_THREADS: `${threads}` },
      hint: 'a Rust toolchain',
    },
  ];
}

/** @param {number} threads */
const plural = (threads) => `${threads} thread${threads > 1 ? 's' : ''}`;

async function buildWasm() {
  const env = await wasmEnvironment({ threads: false, relaxed: false });
  const target = 'wasm32-unknown-unknown';
  await cargo(['--lib', '--target', target, buildStd], env);
  return join(/** @type {string} */ (env.CARGO_TARGET_DIR), target, 'release', 'kwta_bench.wasm');
}

async function buildNative() {
  const folder = join(cache, 'target', 'bench-native');
  const env = { ...(await nativeEnvironment()), CARGO_TARGET_DIR: folder, RUSTFLAGS: '-C target-cpu=native' };
  await cargo(['--bin', 'kwta-bench', '--features', 'threads'], env);
  return join(folder, 'release', 'kwta-bench');
}

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
async function cargo(args, env) {
  const manifest = join(here, 'rust', 'Cargo.toml');
  await run('cargo', ['build', '--release', '--quiet', '--manifest-path', manifest, ...args], { env });
}

async function buildCpp() {
  if (!which('g++')) return 'g++';
  const folder = join(cache, 'bench');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'nth_element');
  await run('g++', ['-std=c++17', '-O3', '-march=native', '-o', program, join(here, 'nth_element.cpp')]);
  return program;
}
