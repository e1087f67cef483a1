/**
 * What a page loads at once when it imports the package: constructors and their checks. What runs models comes with the first
 * runtime, what evaluates them with the first evaluation, a reader of files with the first file.
 */
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, type Rolldown } from 'vite';
import { beforeAll, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Packages that only a call loads. */
const lazy = ['@zip.js/zip.js', 'comlink', 'fast-png', 'jpeg-js', 'pako'];

/** Bytes, compressed, of all that an import of the package loads. */
const budget = 25_000;

let chunks: Rolldown.OutputChunk[];
const atOnce = new Set<string>();

beforeAll(async () => {
  const built = await build({
    root,
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      copyPublicDir: false,
      modulePreload: false,
      // A page's own exports would be dropped, and all of the package with them.
      rolldownOptions: { input: `${root}dist/index.js`, preserveEntrySignatures: 'strict' },
    },
  });
  const { output } = built as Rolldown.RolldownOutput;
  chunks = output.filter((file) => file.type === 'chunk');
  for (const { fileName, isEntry } of chunks) if (isEntry) atOnce.add(fileName);
  for (const name of atOnce) {
    for (const next of chunks.find((chunk) => chunk.fileName === name)?.imports ?? []) atOnce.add(next);
  }
}, 120_000);

const modulesOf = (loaded: boolean): string[] =>
  chunks.filter((chunk) => atOnce.has(chunk.fileName) === loaded).flatMap((chunk) => chunk.moduleIds);

it('leaves for later what only a call needs', () => {
  const packagesOf = (loaded: boolean) =>
    lazy.filter((name) => modulesOf(loaded).some((id) => id.includes(`/node_modules/${name}/`)));
  expect(packagesOf(true)).toEqual([]);
  expect(packagesOf(false)).toEqual(lazy);
});

it('has no code that runs models, attacks or evaluations', () => {
  const places = [
    'attacks/implementations',
    'client/connection',
    'evaluate/robustness',
    'graph/network',
    'io/',
    'platform/',
  ];
  const found = (loaded: boolean) =>
    places.filter((place) => modulesOf(loaded).some((id) => id.startsWith(`${root}dist/${place}`)));
  expect(found(true)).toEqual([]);
});

it('has none of it in the modules that were joined, which hold both', () => {
  const rendered = (loaded: boolean) =>
    chunks
      .filter((chunk) => atOnce.has(chunk.fileName) === loaded)
      .flatMap((chunk) => Object.entries(chunk.modules))
      .filter(([id]) => id.startsWith(`${root}dist/joined/`))
      .flatMap(([, { renderedExports }]) => renderedExports);
  expect(rendered(true)).toContain('attackDescriptors');
  for (const name of ['implementationOf', 'perturb', 'runCascade']) expect(rendered(true)).not.toContain(name);
  expect(rendered(false)).not.toContain('attackDescriptors');
});

it(`stays below ${budget / 1000} kB compressed`, () => {
  // What the bundler adds of its own is no part of the package.
  const own = chunks.filter(
    ({ fileName, moduleIds }) => atOnce.has(fileName) && moduleIds.some((id) => id.startsWith(root)),
  );
  const size = own.reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).length, 0);
  process.stdout.write(
    `import 'kwta' loads ${(size / 1000).toFixed(1)} kB compressed at once (at most ${budget / 1000})\n`,
  );
  expect(size).toBeLessThan(budget);
});
