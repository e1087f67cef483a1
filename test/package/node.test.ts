/** The tarball in Node: what it holds, that it installs without scripts, that README's program has types. */
import { execFile } from 'node:child_process';
import { access, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { programOf } from './markdown.js';
import { type Folder, install, type PackedTarball, pack, root, run, temporaryFolder } from './tarball.js';

let folder: Folder;
let tarball: PackedTarball;

beforeAll(async () => {
  folder = await temporaryFolder();
  tarball = await pack(folder.path);
  await install(tarball.file, folder.path);
});

afterAll(() => folder[Symbol.asyncDispose]());

describe('contents', () => {
  it('holds the build, the licences and what users read, and nothing else', () => {
    const allowed =
      /^(dist\/.+\.(js|wasm)|dist\/types\/\w+\.d\.ts|dist\/schema\/\w+\.json|dist\/report\/uplot\.css|dist\/page\.json\.br|dist\/LICENSES\.txt|package\.json|README\.md|CHANGELOG\.md|LICENSE(-MIT|-APACHE)?)$/;
    const files = tarball.files.map((file) => file.path);
    expect(files.filter((file) => !allowed.test(file))).toEqual([]);
    for (const file of [
      'README.md',
      'CHANGELOG.md',
      'LICENSE-MIT',
      'LICENSE-APACHE',
      'dist/LICENSES.txt',
      'dist/index.js',
      'dist/schema/model.json',
    ]) {
      expect(files).toContain(file);
    }
    for (const variant of ['simd', 'simd-threads', 'relaxed-threads']) {
      expect(files).toContain(`dist/wasm/${variant}/kwta_bg.wasm`);
    }
  });

  it('stays small: 1.5 MB, and each build of the kernels 180 kB compressed', async () => {
    const sizes: string[] = [`tarball ${(tarball.size / 1000).toFixed(0)} kB`];
    expect(tarball.size).toBeLessThan(1_500_000);
    for (const variant of ['simd', 'simd-threads', 'relaxed-threads']) {
      const { length } = gzipSync(await readFile(path.join(root, `dist/wasm/${variant}/kwta_bg.wasm`)), { level: 9 });
      sizes.push(`${variant} ${(length / 1000).toFixed(1)} kB`);
      expect(length, variant).toBeLessThan(180_000);
    }
    process.stdout.write(`${sizes.join(', ')} (kernels compressed)\n`);
  });

  it('has the licences of what is inside its files', async () => {
    const text = await readFile(path.join(folder.path, 'node_modules/kwta/dist/LICENSES.txt'), 'utf8');
    for (const name of ['comlink', 'libm', 'pako', 'uplot', 'valibot', 'wasm-bindgen', 'wasm-feature-detect']) {
      expect(text).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+: .*(MIT|Apache-2\\.0)`, 'm'));
    }
  });

  it('finds publint and attw content', async () => {
    const tool = (file: string): string => path.join(root, 'node_modules', file);
    await run(process.execPath, [tool('publint/src/cli.js'), 'run', tarball.file, '--strict'], { cwd: root });
    const attw = [tool('@arethetypeswrong/cli/dist/index.js'), tarball.file, '--profile', 'esm-only'];
    await run(process.execPath, attw, { cwd: root });
  }, 120_000);

  it('is the same, byte for byte, when it is packed again', async () => {
    await using again = await temporaryFolder();
    const second = await pack(again.path);
    expect(Buffer.compare(await readFile(second.file), await readFile(tarball.file))).toBe(0);
  });

  it('brings every file that package.json names', async () => {
    const installed = path.join(folder.path, 'node_modules/kwta');
    const manifest = JSON.parse(await readFile(path.join(installed, 'package.json'), 'utf8'));
    const named = filesIn([manifest.exports, manifest.imports, manifest.bin]);
    expect(named.length).toBeGreaterThan(12);
    for (const file of named) {
      if (!file.includes('*')) await access(path.join(installed, file));
    }
    for (const variant of ['simd', 'simd-threads', 'relaxed-threads']) {
      const name = JSON.stringify(`kwta/wasm/${variant}.wasm`);
      const program = `await (await import('node:fs/promises')).access(new URL(import.meta.resolve(${name})))`;
      await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder.path });
    }
  });

  it('names no path of the machine that built it', async () => {
    const wasm = path.join(folder.path, 'node_modules/kwta/dist/wasm/simd-threads/kwta_bg.wasm');
    const bytes = await readFile(wasm, 'latin1');
    expect(bytes).not.toContain(root);
    expect(bytes).not.toContain('.cargo/registry');
  });
});

describe('installed', () => {
  it('types its API', async () => {
    const program = `${await programOf('README.md')}\nconst wrong: string = model.parameters;\n`;
    await writeFile(path.join(folder.path, 'typed.mts'), program);
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const settings = ['--strict', '--noEmit', '--module', 'nodenext', '--target', 'es2023', '--types', ''];
    const errors = await new Promise<string>((resolve) => {
      execFile(process.execPath, [compiler, ...settings, 'typed.mts'], { cwd: folder.path }, (_, stdout) =>
        resolve(stdout),
      );
    });
    // The mistake put in on purpose, and no other.
    expect(errors.trim().split('\n')).toHaveLength(1);
    expect(errors).toContain("Type 'number' is not assignable to type 'string'");
  });

  it('has a command', async () => {
    const command = path.join(folder.path, 'node_modules/.bin/kwta');
    expect(await run(command, ['info'], { cwd: folder.path })).toMatch(/^runtime +variant \S+, threads \d+/m);
    expect(await run(command, ['demo', '--help'], { cwd: folder.path })).toContain('--regime');
  });
});

/** All texts in nested objects. */
function filesIn(value: unknown): string[] {
  return typeof value === 'string' ? [value] : Object.values(value as object).flatMap(filesIn);
}
