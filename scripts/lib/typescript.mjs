// ts/ -> dist/, by tsc; the entry that is one file; the schemas as JSON; and the library that draws charts, for pages that need nothing else.
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { bundleDeclarations } from './declarations.mjs';
import { fingerprint, unlessFresh } from './fingerprint.mjs';
import { checkShared, dropLoader } from './glue.mjs';
import { inlinedKernels, writeInline } from './inline.mjs';
import { joinModules } from './join.mjs';
import { writeLicences } from './licences.mjs';
import { writeSchemas } from './schemas.mjs';
import { note, root, runPackage } from './steps.mjs';
import { variants } from './wasm.mjs';

/** Compiles when ts/, its settings or the declarations of the WebAssembly modules changed. */
export async function buildTypeScript() {
  const hash = fingerprint([
    'ts',
    'tsconfig.json',
    'package-lock.json',
    'package.json',
    'scripts/lib/bundling.mjs',
    'scripts/lib/declarations.mjs',
    'scripts/lib/glue.mjs',
    'scripts/lib/inline.mjs',
    'scripts/lib/join.mjs',
    'scripts/lib/licences.mjs',
    'Cargo.lock',
    'scripts/lib/schemas.mjs',
    'scripts/lib/typescript.mjs',
    'dist/wasm/simd-threads/kwta.d.ts',
    inlinedKernels,
  ]);
  const built = await unlessFresh('dist/ts.hash', hash, ['dist/index.js'], async () => {
    // Errors are found before the last good build is touched.
    await runPackage('typescript/bin/tsc', ['-p', 'tsconfig.json', '--noEmit']);
    const dist = path.join(root, 'dist');
    for (const name of readdirSync(dist)) {
      // What a removed source file left behind must not be importable.
      if (name !== 'wasm') rmSync(path.join(dist, name), { recursive: true });
    }
    // What users read about the code stands in the declarations; the code itself goes without, for the package's size.
    await runPackage('typescript/bin/tsc', ['-p', 'tsconfig.json', '--declaration', 'false', '--removeComments']);
    await runPackage('typescript/bin/tsc', ['-p', 'tsconfig.json', '--emitDeclarationOnly']);
    for (const { name } of variants) dropLoader(name);
    checkShared();
    await bundleDeclarations();
    // Where only the kernels of the command line were asked for, it waits for the others.
    if (existsSync(path.join(root, inlinedKernels))) await writeLicences(await writeInline());
    await joinModules();
    await writeSchemas();
    writeCharts();
    const command = path.join(dist, 'cli/main.js');
    if (existsSync(command)) chmodSync(command, 0o755);
  });
  note(`TypeScript: ${built ? 'compiled' : 'up to date'}`);
}

/** uPlot with its style and its licence, as they go into a page. */
function writeCharts() {
  const folder = path.join(root, 'node_modules/uplot');
  const read = (/** @type {string} */ name) => readFileSync(path.join(folder, name), 'utf8');
  const notice = `/*\n${read('LICENSE').trim()}\n*/\n`;
  writeFileSync(path.join(root, 'dist/report/uplot.js'), notice + read('dist/uPlot.iife.min.js'));
  writeFileSync(path.join(root, 'dist/report/uplot.css'), read('dist/uPlot.min.css'));
}
