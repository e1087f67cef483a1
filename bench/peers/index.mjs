/** Every peer: how it is built and started, and what is missing when it is not there. */
import { mkdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { relaxedSimd } from 'wasm-feature-detect';
import { nativeEnvironment } from '../../scripts/lib/rust.mjs';
import { cache, run, which } from '../../scripts/lib/steps.mjs';
import { buildStd, wasmEnvironment } from '../../scripts/lib/wasm.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const node = process.execPath;
const python = process.env.KWTA_PYTHON ?? 'python3';

/** glibc would otherwise map and unmap PyTorch's larger buffers on every step, at a third of its speed. */
const keepMemory = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '4294967296' };

/**
 * Builds what needs building.
 * @returns {Promise<import('../harness.mjs').PeerDescription[]>}
 */
export async function peerDescriptions() {
  const threads = availableParallelism() > 1 ? [1, 2] : [1];
  const peers = [];
  for (const relaxed of (await relaxedSimd()) ? [false, true] : [false]) {
    peers.push({
      name: `kwta wasm ${relaxed ? 'relaxed' : 'simd'}, 1 thread`,
      threads: 1,
      command: [node, join(here, 'kernels.mjs'), await buildWasmKernels(relaxed)],
      hint: 'a Rust toolchain that can build for WebAssembly',
    });
  }
  const native = await buildNativeKernels();
  for (const count of threads) {
    const plural = `${count} thread${count > 1 ? 's' : ''}`;
    const limits = { OMP_NUM_THREADS: `${count}`, OPENBLAS_NUM_THREADS: `${count}`, MKL_NUM_THREADS: `${count}` };
    peers.push(
      {
        name: `kwta package, ${plural}`,
        threads: count,
        command: [node, join(here, 'package.mjs'), `${count}`],
        hint: 'npm run build',
      },
      {
        name: `kwta native, ${plural}`,
        threads: count,
        command: [native],
        env: { RAYON_NUM_THREADS: `${count}` },
        hint: 'a Rust toolchain',
      },
      {
        name: `PyTorch, ${plural}`,
        threads: count,
        command: [python, join(here, 'torch_peer.py'), `${count}`],
        env: { ...limits, ...keepMemory },
        hint: 'pip install torch numpy; KWTA_PYTHON names the interpreter',
      },
      {
        name: `numpy, ${plural}`,
        threads: count,
        command: [python, join(here, 'numpy_peer.py')],
        env: limits,
        hint: 'pip install numpy; KWTA_PYTHON names the interpreter',
      },
    );
  }
  peers.push(
    { name: 'C++', threads: 1, command: [await buildCpp()], hint: 'g++' },
    {
      name: 'TensorFlow.js wasm, 1 thread',
      threads: 1,
      command: [node, join(here, 'tfjs.mjs')],
      hint: 'npm ci --prefix bench',
    },
  );
  return peers;
}

/** @param {boolean} relaxed */
async function buildWasmKernels(relaxed) {
  const env = await wasmEnvironment({ threads: false, relaxed });
  const target = 'wasm32-unknown-unknown';
  await cargo(['--lib', '--target', target, buildStd], env);
  return join(/** @type {string} */ (env.CARGO_TARGET_DIR), target, 'release', 'kwta_bench.wasm');
}

async function buildNativeKernels() {
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
