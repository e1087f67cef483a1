// wasm-pack and wasm-bindgen at the versions this project pins, installed by cargo into the cache.
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { lockedVersion, nativeEnvironment } from './rust.mjs';
import { cache, Failure, isExecutable, note, tryRun, which } from './steps.mjs';

export const wasmPackVersion = '0.15.1';

/**
 * Folders with wasm-pack, wasm-bindgen and wasm-bindgen-test-runner.
 * @returns {Promise<string[]>}
 */
export async function wasmTools() {
  /** @type {Tool[]} */
  const tools = [
    { name: 'wasm-pack', version: wasmPackVersion, crate: 'wasm-pack', programs: ['wasm-pack'], flags: [] },
    {
      // The command-line tool and the crate must be of one version.
      ...{ name: 'wasm-bindgen', version: lockedVersion('wasm-bindgen'), crate: 'wasm-bindgen-cli' },
      programs: ['wasm-bindgen', 'wasm-bindgen-test-runner'],
      // Its features are for downloads over TLS, and nothing is downloaded.
      flags: ['--no-default-features'],
    },
  ];
  const found = await Promise.all(tools.map(lookFor));
  const missing = tools.filter((_, i) => found[i] === undefined);
  if (missing.length > 0) {
    // Crates that both need are compiled once.
    const target = path.join(cache, 'tools', `target-${process.pid}`);
    try {
      for (const tool of missing) await install(tool, target);
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }
  return tools.map((tool, i) => found[i] ?? path.join(folderOf(tool), 'bin'));
}

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} version
 * @property {string} crate what cargo calls it
 * @property {string[]} programs
 * @property {string[]} flags of cargo install
 */

/** @param {Tool} tool */
function folderOf({ name, version }) {
  return path.join(cache, 'tools', `${name}-${version}`);
}

/**
 * The folder with a tool's programs: the cache's, or one on PATH with that version.
 * @param {Tool} tool
 */
async function lookFor(tool) {
  const bin = path.join(folderOf(tool), 'bin');
  if (tool.programs.every((program) => isExecutable(path.join(bin, program)))) return bin;
  const onPath = tool.programs.map(which);
  const installed = onPath[0] && (await tryRun(onPath[0], ['--version'], { capture: true })).output.trim();
  return installed === `${tool.name} ${tool.version}` && onPath.every(Boolean)
    ? path.dirname(/** @type {string} */ (onPath[0]))
    : undefined;
}

/**
 * Compiled as cargo does for debugging: that takes a third of the time, and they have little to do.
 * @param {Tool} tool
 * @param {string} target where cargo compiles
 */
async function install(tool, target) {
  const { crate, version, programs } = tool;
  const folder = folderOf(tool);
  note(`cargo install ${crate} ${version}, once, into ${folder} (about a minute on two cores)`);
  const partial = `${folder}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const env = {
      ...(await nativeEnvironment()),
      ...{ CARGO_TARGET_DIR: target, CARGO_PROFILE_DEV_DEBUG: '0', CARGO_INCREMENTAL: '0' },
    };
    const options = ['--version', version, '--root', partial, '--debug', '--quiet', ...tool.flags];
    const installed = async (/** @type {string[]} */ ...more) =>
      (await tryRun('cargo', ['install', crate, ...options, ...more], { env })).code === 0;
    if (!(await installed('--locked'))) {
      note(`${crate} does not install with its own lock file here: trying with current dependencies`);
      if (!(await installed()))
        throw new Failure(
          `cargo could not install ${crate} ${version}: put ${programs.join(' and ')} of that version on PATH.`,
        );
    }
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}
