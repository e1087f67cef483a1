/** What a page loads at once when it imports the package: no reader of a file format that it has not been asked for. */
import { fileURLToPath } from 'node:url';
import { build, type Rolldown } from 'vite';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Packages that only a call loads. */
const lazy = ['@zip.js/zip.js', 'fast-png', 'jpeg-js'];

it('leaves readers of formats for later', { timeout: 120_000 }, async () => {
  const built = await build({
    root,
    configFile: false,
    logLevel: 'error',
    worker: { format: 'es' },
    build: {
      write: false,
      copyPublicDir: false,
      // A page's own exports would be dropped, and all of the package with them.
      rolldownOptions: { input: `${root}dist/index.js`, preserveEntrySignatures: 'strict' },
    },
  });
  const { output } = built as Rolldown.RolldownOutput;
  const chunks = output.filter((file) => file.type === 'chunk');
  const atOnce = new Set(chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName));
  for (const name of atOnce) {
    for (const next of chunks.find((chunk) => chunk.fileName === name)?.imports ?? []) atOnce.add(next);
  }
  const packagesOf = (loaded: boolean) => {
    const modules = chunks.filter((chunk) => atOnce.has(chunk.fileName) === loaded).flatMap((chunk) => chunk.moduleIds);
    return lazy.filter((name) => modules.some((id) => id.includes(`/node_modules/${name}/`)));
  };
  expect(packagesOf(true)).toEqual([]);
  expect(packagesOf(false)).toEqual(lazy);
});
