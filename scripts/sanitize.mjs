// npm run sanitize: the kernels' own tests under tools that see what a test cannot.
//
// Address sanitizer runs all of them, with threads: reads and writes outside of a buffer, after its end of life, and
// leaks. Miri, where a nightly toolchain has it, interprets those of small sizes: also misaligned or uninitialised reads,
// and aliasing that Rust forbids. Both get scratch buffers of just the length asked for (crates/kernels/src/scratch.rs).
import path from 'node:path';
import { wasmToolchain } from './lib/rust.mjs';
import { cache, Failure, main, note, run, stage, tryRun } from './lib/steps.mjs';

const target = 'x86_64-unknown-linux-gnu';
const exactScratch = '--cfg kwta_exact_scratch';

/** Tests that Miri gets through in minutes; the others multiply large matrices. */
const smallTests = ['simd::', 'sizes::', 'denormal::', 'scratch::', 'sparse::tests::', 'small_sizes_of_every_way'];
/** Tests whose names hold one of those above, but whose sizes are not small. */
const largeTests = ['conv2d::sparse', 'conv2d::dense'];

await main(async () => {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Failure(`the sanitizers run on Linux and x64, this is ${process.platform} and ${process.arch}.`);
  await stage('Address sanitizer: kernels', addressSanitizer);
  await stage('Miri: kernels, small sizes', miri);
});

async function addressSanitizer() {
  const { env } = await wasmToolchain();
  const args = ['test', '-p', 'kwta-kernels', '--lib', '--features', 'threads', '--target', target];
  await run('cargo', args, {
    env: {
      ...env,
      CARGO_TARGET_DIR: path.join(cache, 'target', 'address-sanitizer'),
      RUSTFLAGS: `-Zsanitizer=address ${exactScratch}`,
    },
  });
}

async function miri() {
  const toolchain = { ...process.env, RUSTUP_TOOLCHAIN: 'nightly' };
  const has = await tryRun('cargo', ['miri', '--version'], { capture: true, env: toolchain });
  if (has.code !== 0) {
    note('SKIPPED: no nightly toolchain has Miri; `rustup +nightly component add miri rust-src` brings it');
    return;
  }
  const names = [...smallTests, ...largeTests.flatMap((name) => ['--skip', name])];
  await run('cargo', ['miri', 'test', '-p', 'kwta-kernels', '--lib', '--', ...names], {
    env: {
      ...toolchain,
      CARGO_TARGET_DIR: path.join(cache, 'target', 'miri'),
      MIRIFLAGS: '-Zmiri-tree-borrows',
      RUSTFLAGS: exactScratch,
    },
  });
}
