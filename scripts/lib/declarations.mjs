// dist/types: what users' compilers read, one declaration file for each entry and one that they share. The others, a file for each
// source, are for the project's own tests and stay out of the package, as does the second copy of the code around the threaded
// kernels (glue.mjs).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { failOnWarning } from './bundling.mjs';
import { root } from './steps.mjs';

const dist = path.join(root, 'dist');

/** Names in dist/types, and the declarations of the code that package.json has beside them. */
function entries() {
  /** @type {{ exports: Record<string, string | { types?: string, default?: string }> }} */
  const { exports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((entry) =>
    typeof entry === 'object' && entry.types !== undefined && entry.default !== undefined
      ? [[path.basename(entry.types, '.d.ts'), path.join(root, entry.default.replace(/\.js$/, '.d.ts'))]]
      : [],
  );
}

/** Writes dist/types and dist/.npmignore. */
export async function bundleDeclarations() {
  // Imported here: the packages may be installed by the very command that builds.
  const [{ rolldown }, { dts }] = await Promise.all([import('rolldown'), import('rolldown-plugin-dts')]);
  const bundle = await rolldown({
    input: Object.fromEntries(entries()),
    external: ['comlink', 'valibot'],
    plugins: [dts({ dtsInput: true })],
    onLog: failOnWarning,
  });
  const types = path.join(dist, 'types');
  rmSync(types, { recursive: true, force: true });
  await bundle.write({
    ...{ dir: types, format: 'es', chunkFileNames: '[name].d.ts' },
    // As the sources of the entries say it, for disposables.
    banner: '/// <reference lib="esnext.disposable" preserve="true" />',
    codeSplitting: { groups: [{ name: 'shared', minShareCount: 2 }] },
    // Compilers and editors show these names.
    minifyInternalExports: false,
  });
  // Nothing imports what helps code to run.
  rmSync(path.join(types, 'rolldown-runtime.d.ts'));
  await bundle.close();
  writeFileSync(path.join(dist, '.npmignore'), '*.hash\n*.d.ts\n!/types/*.d.ts\n/wasm/relaxed-threads/kwta.js\n');
}
