/** Builds of the peers that are compiled here. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeEnvironment } from '../../scripts/lib/rust.mjs';
import { cache, run, which } from '../../scripts/lib/steps.mjs';
import { cargoOptions, wasmEnvironment } from '../../scripts/lib/wasm.mjs';

const here = import.meta.dirname;
const folder = join(cache, 'bench');

/**
 * Does the work once, when somebody first asks for it.
 * @template T
 * @param {() => Promise<T>} work
 */
function once(work) {
  /** @type {Promise<T> | undefined} */
  let result;
  return () => {
    result ??= work();
    return result;
  };
}

/** Rust's and our selection as WebAssembly. */
export const buildWasm = once(async () => {
  const variant = { threads: false, relaxed: false };
  const env = await wasmEnvironment(variant);
  const target = 'wasm32-unknown-unknown';
  await cargo(['--lib', '--target', target, ...cargoOptions(variant)], env);
  return join(/** @type {string} */ (env.CARGO_TARGET_DIR), target, 'release', 'kwta_bench.wasm');
});

/** The kernels as a native program. */
export const buildNative = once(async () => {
  const target = join(cache, 'target', 'bench-native');
  const env = { ...(await nativeEnvironment()), CARGO_TARGET_DIR: target, RUSTFLAGS: '-C target-cpu=native' };
  await cargo(['--bin', 'kwta-bench', '--features', 'threads'], env);
  return join(target, 'release', 'kwta-bench');
});

/**
 * @param {string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
async function cargo(args, env) {
  const manifest = join(here, 'rust', 'Cargo.toml');
  await run('cargo', ['build', '--release', '--quiet', '--manifest-path', manifest, ...args], { env });
}

/** C++'s nth_element. */
export const buildCpp = once(async () => {
  if (!which('g++')) throw new Error('there is no g++');
  mkdirSync(folder, { recursive: true });
  const program = join(folder, 'nth_element');
  await run('g++', ['-std=c++17', '-O3', '-march=native', '-o', program, join(here, 'nth_element.cpp')]);
  return program;
});

/** The peak kernels, plain and relaxed. */
export const buildPeak = once(async () => {
  const { peakModule } = await import('./peak/module.mjs');
  mkdirSync(folder, { recursive: true });
  return [false, true].map((relaxed) => {
    const file = join(folder, relaxed ? 'peak-relaxed.wasm' : 'peak.wasm');
    writeFileSync(file, peakModule({ relaxed }));
    return file;
  });
});
