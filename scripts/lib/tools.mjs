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
  return [
    await ensureTool('wasm-pack', wasmPackVersion, ['wasm-pack']),
    // The command-line tool and the crate must be of one version.
    await ensureTool(
      'wasm-bindgen',
      lockedVersion('wasm-bindgen'),
      ['wasm-bindgen', 'wasm-bindgen-test-runner'],
      'wasm-bindgen-cli',
    ),
  ];
}

/**
 * @param {string} name
 * @param {string} version
 * @param {string[]} programs
 * @param {string} [crate] where it is not called as the tool
 */
async function ensureTool(name, version, programs, crate = name) {
  const folder = path.join(cache, 'tools', `${name}-${version}`);
  const bin = path.join(folder, 'bin');
  if (programs.every((program) => isExecutable(path.join(bin, program)))) return bin;

  const onPath = programs.map(which);
  const installed = onPath[0] && (await tryRun(onPath[0], ['--version'], { capture: true })).output.trim();
  if (installed === `${name} ${version}` && onPath.every(Boolean))
    return path.dirname(/** @type {string} */ (onPath[0]));

  note(`cargo install ${crate} ${version}, once, into ${folder} (some minutes)`);
  const partial = `${folder}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  try {
    const env = { ...(await nativeEnvironment()), CARGO_TARGET_DIR: path.join(partial, 'target') };
    const install = (/** @type {string[]} */ ...flags) =>
      tryRun('cargo', ['install', crate, '--version', version, '--root', partial, '--quiet', ...flags], { env });
    if ((await install('--locked')).code !== 0) {
      note(`${crate} does not install with its own lock file here: trying with current dependencies`);
      const { code } = await install();
      if (code !== 0)
        throw new Failure(
          `cargo could not install ${crate} ${version}: put ${programs.join(' and ')} of that version on PATH.`,
        );
    }
    rmSync(path.join(partial, 'target'), { recursive: true });
    rmSync(folder, { recursive: true, force: true });
    renameSync(partial, folder);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
  return bin;
}
