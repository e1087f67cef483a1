// The Rust toolchains: one for native tests and lints, one that can build std for WebAssembly with atomics.
//
// Threads in WebAssembly need a std compiled with atomics, which nobody ships, so std is built from source
// (`-Zbuild-std`). That takes a rustc with its own std source and a linker: whatever is there, else rustup's
// rust-src component, else Debian's packages. Stable compilers allow the unstable flag by RUSTC_BOOTSTRAP=1.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { Failure, installDebianPackages, isExecutable, note, root, run, tryRun, which } from './steps.mjs';

/**
 * @typedef {object} Toolchain
 * @property {string} version what `rustc --version` says
 * @property {string} sysroot
 * @property {NodeJS.ProcessEnv} env environment in which cargo and rustc are this toolchain's
 */

const debianPackages = [
  'rustc-web',
  'cargo-web',
  'rust-web-src',
  'rust-web-llvm',
  'rust-web-clippy',
  'rustfmt-web',
  'lld-22',
];

const advice =
  'Install Rust with rustup (https://rustup.rs), run `rustup component add rust-src clippy rustfmt`, and try again.';

/** @type {Toolchain | undefined} */
let found;

/**
 * The toolchain for WebAssembly, installed where it is missing.
 * @returns {Promise<Toolchain>}
 */
export async function wasmToolchain() {
  if (found) return found;
  found = await existing();
  if (!found && which('rustup')) {
    note('no Rust toolchain has the source of std: rustup component add rust-src');
    const { code, output } = await tryRun('rustup', ['component', 'add', 'rust-src'], { capture: true });
    if (code === 0) found = await existing();
    else note(`rustup failed: ${output.trim().split('\n').at(-1)}`);
  }
  if (!found && (await installDebianPackages(debianPackages))) found = await existing();
  if (!found)
    throw new Failure(
      `building for WebAssembly needs a Rust toolchain with the source of std, and there is none. ${advice}`,
    );
  note(`Rust for WebAssembly: ${found.version} in ${found.sysroot}`);
  return found;
}

/** Looks through the toolchains on PATH, rustup's and the system's. */
async function existing() {
  const sysroots = new Set();
  if (which('rustc')) sysroots.add(await sysrootOf('rustc', process.env));
  if (which('rustup')) {
    const { output } = await tryRun('rustup', ['toolchain', 'list'], { capture: true });
    for (const name of output.split('\n').map((line) => line.split(' ')[0])) {
      if (name) sysroots.add(await sysrootOf('rustc', { ...process.env, RUSTUP_TOOLCHAIN: name }));
    }
  }
  sysroots.add('/usr');
  for (const sysroot of sysroots) {
    if (sysroot && canBuildStd(sysroot)) return describe(sysroot);
  }
  return undefined;
}

/**
 * @param {string} rustc
 * @param {NodeJS.ProcessEnv} env
 */
async function sysrootOf(rustc, env) {
  const { code, output } = await tryRun(rustc, ['--print', 'sysroot'], { capture: true, env });
  return code === 0 ? output.trim() : undefined;
}

/** @param {string} sysroot */
function canBuildStd(sysroot) {
  const rustlib = path.join(sysroot, 'lib/rustlib');
  if (!existsSync(path.join(rustlib, 'src/rust/library/std/Cargo.toml'))) return false;
  const hosts = readdirSync(rustlib).map((host) => path.join(rustlib, host, 'bin/rust-lld'));
  const linker = [path.join(sysroot, 'bin/rust-lld'), ...hosts].some(isExecutable);
  return linker && ['rustc', 'cargo'].every((tool) => isExecutable(path.join(sysroot, 'bin', tool)));
}

/**
 * @param {string} sysroot
 * @returns {Promise<Toolchain>}
 */
async function describe(sysroot) {
  const bin = path.join(sysroot, 'bin');
  const version = (await run(path.join(bin, 'rustc'), ['--version'], { capture: true })).trim();
  /** @type {NodeJS.ProcessEnv} */
  const env = {
    ...process.env,
    PATH: `${bin}${path.delimiter}${process.env.PATH}`,
    RUSTC: path.join(bin, 'rustc'),
    CARGO: path.join(bin, 'cargo'),
    RUSTC_BOOTSTRAP: '1',
  };
  // These would take precedence over the flags of a variant.
  delete env.RUSTFLAGS;
  delete env.CARGO_ENCODED_RUSTFLAGS;
  return { version, sysroot, env };
}

/**
 * The environment for native cargo commands: cargo on PATH, else the WebAssembly toolchain's.
 * @param {string[]} subcommands cargo subcommands that must work, such as clippy
 */
export async function nativeEnvironment(subcommands = []) {
  const lacks = async (/** @type {NodeJS.ProcessEnv} */ env) => {
    const tools = ['--version', ...subcommands];
    for (const tool of tools) {
      const args = tool === '--version' ? [tool] : [tool, '--version'];
      if ((await tryRun('cargo', args, { capture: true, env })).code !== 0) return true;
    }
    return false;
  };
  if (!(await lacks(process.env))) return process.env;
  if (which('rustup') && subcommands.length > 0) {
    note('rustup component add clippy rustfmt');
    await tryRun('rustup', ['component', 'add', 'clippy', 'rustfmt'], { capture: true });
    if (!(await lacks(process.env))) return process.env;
  }
  const { env } = await wasmToolchain();
  if (await lacks(env)) await installDebianPackages(debianPackages);
  if (await lacks(env)) throw new Failure(`no cargo with ${subcommands.join(' and ')} was found. ${advice}`);
  return env;
}

/**
 * The version that Cargo.lock pins.
 * @param {string} crate
 */
export function lockedVersion(crate) {
  const lock = readFileSync(path.join(root, 'Cargo.lock'), 'utf8');
  const version = lock.match(new RegExp(`name = "${crate}"\\nversion = "(.+)"`))?.[1];
  if (!version) throw new Failure(`Cargo.lock does not pin ${crate}.`);
  return version;
}
