/** The package as users get it: packed, and installed in an empty folder. */
import { type ExecFileOptions, execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const root = fileURLToPath(new URL('../../', import.meta.url));

const execute = promisify(execFile);

/** What npm need not do or say here. */
const quiet = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline'];

/** Runs a program to its end. @throws with its output when it fails. */
export async function run(program: string, args: string[], options: ExecFileOptions = {}): Promise<string> {
  const { stdout } = await execute(program, args, { ...options, encoding: 'utf8', maxBuffer: 1 << 26 });
  return stdout;
}

/** What `npm pack` says of the tarball. */
export interface PackedTarball {
  file: string;
  /** Bytes, packed and unpacked. */
  size: number;
  unpackedSize: number;
  files: { path: string; size: number }[];
}

/** A folder that is removed again. */
export interface Folder extends AsyncDisposable {
  path: string;
}

export async function temporaryFolder(): Promise<Folder> {
  const folder = await mkdtemp(path.join(tmpdir(), 'kwta-package-'));
  return { path: folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}

/** Packs what is built. */
export async function pack(into: string): Promise<PackedTarball> {
  const output = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', into], { cwd: root });
  const [packed] = JSON.parse(output) as [Omit<PackedTarball, 'file'> & { filename: string }];
  return { ...packed, file: path.join(into, packed.filename) };
}

/** Installs the tarball with nothing but its own dependencies, and without running any script. */
export async function install(tarball: string, folder: string): Promise<void> {
  if (!(await readdir(folder)).includes('package.json')) {
    await writeFile(path.join(folder, 'package.json'), '{ "private": true, "type": "module" }');
  }
  await run('npm', ['install', tarball, '--omit=dev', '--ignore-scripts', ...quiet], { cwd: folder });
}

/** Installs other packages beside it; some fetch their programs by a script. */
export async function installTools(names: readonly string[], folder: string): Promise<void> {
  await run('npm', ['install', ...names, ...quiet], { cwd: folder });
}
