// The three WebAssembly variants: crates/wasm -> dist/wasm/<variant>/{kwta.js, kwta.d.ts, kwta_bg.wasm}.
//
// simd             one thread; every browser of today, and pages without shared memory
// simd-threads     shared memory and a team of workers
// relaxed-threads  the same with fused multiply-add; Safari and Node 20 refuse such a module
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { fingerprint, isFresh, unlessFresh } from './fingerprint.mjs';
import { wasmToolchain } from './rust.mjs';
import { cache, note, root, run, runPackage } from './steps.mjs';
import { wasmPackVersion, wasmTools } from './tools.mjs';

/** @typedef {{ name: string, threads: boolean, relaxed: boolean }} Variant */

/** @type {Variant[]} */
export const variants = [
  { name: 'simd', threads: false, relaxed: false },
  { name: 'simd-threads', threads: true, relaxed: false },
  { name: 'relaxed-threads', threads: true, relaxed: true },
];

/** 4 GiB, all that 32 bits address: a page may create its memory with a lower maximum. */
const maxMemory = 65536 * 65536;

/**
 * Compiles std along with the crates; panics abort, as in the release profile, and nothing walks back through frames.
 * Relaxed SIMD is for the crates alone, so that variants that differ in nothing else share a std. For release builds.
 * @param {Omit<Variant, 'name'>} variant
 * @returns {string[]} options of cargo
 */
export function cargoOptions({ relaxed }) {
  const std = ['-Zbuild-std=std,panic_abort', '-Zbuild-std-features='];
  if (!relaxed) return std;
  const flags = ['kwta-kernels', 'kwta-wasm'].flatMap((name) => [
    '--config',
    `profile.release.package.${name}.rustflags=["-Ctarget-feature=+relaxed-simd"]`,
  ]);
  return [...std, '-Zprofile-rustflags', ...flags];
}

/**
 * @param {Omit<Variant, 'name'>} variant
 * @param {string} sysroot
 */
function rustFlags({ threads }, sysroot) {
  const features = ['+simd128', '+bulk-memory', '+mutable-globals'];
  if (threads) features.push('+atomics');
  const flags = ['-C', `target-feature=${features.join(',')}`];
  // LLVM's loop strength reduction adds constants to addresses one by one, which WebAssembly's loads do for nothing.
  flags.push('-C', 'llvm-args=-disable-lsr');
  if (threads) {
    // wasm-bindgen needs the symbols of thread-local storage to start further threads.
    const symbols = ['__wasm_init_tls', '__tls_size', '__tls_align', '__tls_base'].map(
      (symbol) => `--export=${symbol}`,
    );
    for (const arg of ['--shared-memory', '--import-memory', `--max-memory=${maxMemory}`, ...symbols]) {
      flags.push('-C', `link-arg=${arg}`);
    }
  }
  // Panic messages name source files; they need not tell where this machine keeps them.
  const cargoHome = process.env.CARGO_HOME || path.join(homedir(), '.cargo');
  flags.push(`--remap-path-prefix=${cargoHome}=cargo`, `--remap-path-prefix=${sysroot}=rust`);
  return flags.join(' ');
}

/**
 * The environment in which cargo builds for a variant: toolchain, flags, and a target folder outside the
 * checkout, so that a fresh clone finds std and the dependencies compiled.
 * @param {Omit<Variant, 'name'>} variant
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
async function compilerEnvironment(variant) {
  const { env, sysroot, version } = await wasmToolchain();
  const flags = rustFlags(variant, sysroot);
  const key = createHash('sha256').update(`${version}\n${flags}`).digest('hex').slice(0, 16);
  const folder = path.join(cache, 'target', key);
  return {
    ...env,
    // What is compiled on the way is shared, and what comes out is not.
    CARGO_BUILD_BUILD_DIR: folder,
    CARGO_TARGET_DIR: path.join(folder, variant.relaxed ? 'relaxed' : 'plain'),
    // Checkouts share that folder: by time, an older file of one looks like what another has built.
    CARGO_UNSTABLE_CHECKSUM_FRESHNESS: 'true',
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS: flags,
  };
}

/**
 * The same, with the tools that take it from there.
 * @param {Omit<Variant, 'name'>} variant
 * @returns {Promise<NodeJS.ProcessEnv>}
 */
export async function wasmEnvironment(variant) {
  const env = await compilerEnvironment(variant);
  const [pack, bindgen] = await wasmTools();
  return {
    ...env,
    PATH: [pack, bindgen, env.PATH].join(path.delimiter),
    CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER: path.join(bindgen, 'wasm-bindgen-test-runner'),
  };
}

/**
 * Builds the variants whose inputs changed.
 * @param {string} [only] the one that is needed; of others that are stale, code that imports them finds what it imports.
 */
export async function buildWasm(only) {
  const { version, sysroot } = await wasmToolchain();
  mkdirSync(path.join(root, 'dist/wasm'), { recursive: true });
  const sources = ['Cargo.toml', 'Cargo.lock', 'crates/kernels/Cargo.toml', 'crates/kernels/src', 'crates/wasm'];
  const plans = variants.map((variant) => {
    const folder = `dist/wasm/${variant.name}`;
    return {
      ...{ variant, folder, record: `${folder}.hash` },
      hash: fingerprint(
        [...sources, 'scripts/lib/wasm.mjs'],
        [version, rustFlags(variant, sysroot), cargoOptions(variant), wasmPackVersion],
      ),
      outputs: ['kwta.js', 'kwta.d.ts', 'kwta_bg.wasm'].map((name) => `${folder}/${name}`),
    };
  });
  const fresh = (/** @type {typeof plans[number]} */ { record, hash, outputs }) => isFresh(record, hash, outputs);
  const wanted = plans.filter(({ variant }) => only === undefined || variant.name === only);
  const stale = wanted.filter((plan) => !fresh(plan));
  // Where the tools are missing too, one is compiled while the other waits for its last crate.
  if (stale.length > 0) await Promise.all([wasmTools(), compile(stale.map(({ variant }) => variant))]);
  await Promise.all(
    wanted.map(async ({ variant, folder, record, hash, outputs }) => {
      const built = await unlessFresh(record, hash, outputs, () => buildVariant(variant, folder));
      note(`${variant.name}: ${built ? 'built' : 'up to date'}`);
    }),
  );
  const left = plans.filter((plan) => !wanted.includes(plan) && !fresh(plan));
  for (const plan of left) leaveOut(plan, wanted[0]);
  if (left.length > 0)
    note(`without ${left.map(({ variant }) => variant.name).join(' and ')}: npm run build makes all`);
}

/**
 * In the place of a variant the code around another, which has the same exports, and no module.
 * @param {{ folder: string, record: string }} place @param {{ folder: string }} other
 */
function leaveOut({ folder, record }, other) {
  rmSync(path.join(root, record), { force: true });
  rmSync(path.join(root, folder), { recursive: true, force: true });
  mkdirSync(path.join(root, folder));
  for (const name of ['kwta.js', 'kwta.d.ts'])
    cpSync(path.join(root, other.folder, name), path.join(root, folder, name));
}

/**
 * What wasm-pack's cargo then finds compiled.
 * @param {Variant[]} stale
 */
async function compile(stale) {
  for (const variant of stale) {
    note(`${variant.name}: compiling (half a minute; once a minute more, for std)`);
    const args = ['build', '--quiet', '--release', '--lib', '--target', 'wasm32-unknown-unknown'];
    await run('cargo', [...args, ...cargoOptions(variant), ...featuresOf(variant)], {
      cwd: path.join(root, 'crates/wasm'),
      env: await compilerEnvironment(variant),
      capture: true,
    });
  }
}

/** @param {Variant} variant */
function featuresOf({ threads }) {
  return threads ? ['--features', 'threads'] : [];
}

/**
 * @param {Variant} variant
 * @param {string} folder
 */
async function buildVariant(variant, folder) {
  const env = await wasmEnvironment(variant);
  // Built beside its place and then moved: an interrupted build leaves nothing half-written.
  const partial = path.join(root, `${folder}.partial-${process.pid}`);
  try {
    const output = ['--target', 'web', '--out-name', 'kwta', '--out-dir', partial, '--no-pack'];
    // Mode force: without the check for a prebuilt std of the target.
    const args = [
      'build',
      'crates/wasm',
      '--mode',
      'force',
      ...output,
      '--',
      ...cargoOptions(variant),
      ...featuresOf(variant),
    ];
    await run('wasm-pack', args, { env, capture: true });
    for (const name of readdirSync(partial)) {
      // wasm-pack's .gitignore would keep the module out of the package.
      if (!/^kwta(_bg)?\.(js|d\.ts|wasm)$/.test(name)) rmSync(path.join(partial, name));
    }
    await optimise(variant, path.join(partial, 'kwta_bg.wasm'));
    // What the comments say stands in the declarations, too.
    const glue = path.join(partial, 'kwta.js');
    writeFileSync(glue, readFileSync(glue, 'utf8').replace(/^\/\*\*.*?\*\/\n/gms, ''));
    rmSync(path.join(root, folder), { recursive: true, force: true });
    renameSync(partial, path.join(root, folder));
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

/**
 * @param {Variant} variant
 * @param {string} file
 */
async function optimise({ threads, relaxed }, file) {
  const features = [
    'simd',
    'bulk-memory',
    'mutable-globals',
    'nontrapping-float-to-int',
    'sign-ext',
    'reference-types',
    'multivalue',
  ];
  if (threads) features.push('threads');
  if (relaxed) features.push('relaxed-simd');
  // LLVM has inlined what pays. Loops that it keeps in functions of their own stay there (-ocimfs): an engine spills
  // less in them than between the variables of the loops around.
  const inlining = ['-ocimfs', '1'];
  const enable = features.map((name) => `--enable-${name}`);
  await runPackage('binaryen/bin/wasm-opt', ['-O3', ...inlining, ...enable, file, '-o', file]);
}
