/**
 * The tarball where it takes no other program than what the project has itself: this Node, TypeScript, Vite, plain pages. The
 * others are in `all/`.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright';
import { build, createServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, outcomeOf, serve, visit } from './pages.js';
import { mark, type Outcome, outcomeIn, writeProgram } from './program.js';
import { Table } from './table.js';
import { type Folder, install, pack, root, run, temporaryFolder } from './tarball.js';

/** Of Vite, as it is without a configuration. */
const bare = { configFile: false, logLevel: 'error' } as const;

let folder: Folder;
let browser: Browser;
let tarball: string;
const table = new Table();

beforeAll(async () => {
  folder = await temporaryFolder();
  tarball = (await pack(folder.path)).file;
  await install(tarball, folder.path);
  browser = await launch();
  await writeProgram(folder.path);
  table.add('Node, import', await runMain(folder.path));
}, 240_000);

afterAll(async () => {
  table.print();
  await browser?.close();
  await folder[Symbol.asyncDispose]();
});

async function runMain(cwd: string): Promise<Outcome> {
  return outcomeIn(await run(process.execPath, ['main.js'], { cwd }));
}

/** A folder with a program beside the installed package. */
async function project(
  name: string,
  ...options: Parameters<typeof writeProgram> extends [string, ...infer O] ? O : never
) {
  const place = path.join(folder.path, name);
  await mkdir(place);
  await writeProgram(place, ...options);
  return place;
}

const installed = (file: string): string => path.join(folder.path, 'node_modules/kwta', file);

describe('Node', () => {
  it('require()', async () => {
    const program = `const { createRuntime } = require('kwta');
      import('./train.js').then(async ({ train }) => {
        if (typeof createRuntime !== 'function') throw new Error('no function');
        console.log('${mark}' + JSON.stringify(await train({ threads: 1 })));
      });`;
    await writeFile(path.join(folder.path, 'main.cjs'), program);
    table.add('Node, require()', outcomeIn(await run(process.execPath, ['main.cjs'], { cwd: folder.path })));
  });

  it('kwta/inline, two threads, and a folder with a name that is an address elsewhere', async () => {
    const single = await project('inline', { entry: 'kwta/inline' });
    table.add('Node, kwta/inline', await runMain(single));
    const several = await project('threads', { options: { threads: 2 } });
    const outcome = await runMain(several);
    expect(outcome.threads).toBe(2);
    table.add('Node, two threads', outcome);
  });

  it('a folder with spaces, #, %, ? and umlauts in its name', async () => {
    await using other = await temporaryFolder();
    const place = path.join(other.path, 'a b #1 50% ä?ü');
    await mkdir(place);
    await install(tarball, place);
    await writeProgram(place);
    table.add('Node, folder with spaces, #, %, umlauts', await runMain(place));
    await writeProgram(place, { entry: 'kwta/inline' });
    table.add('Node, such a folder, kwta/inline', await runMain(place));
  });
});

describe('imports', () => {
  it.each(['kwta', 'kwta/slim', 'kwta/inline'])(
    '%s does nothing: no worker, no request, no global, no output',
    async (entry) => {
      const program = `
      const did = [];
      process.on('worker', () => did.push('worker'));
      globalThis.fetch = () => did.push('fetch');
      const names = () => JSON.stringify([Reflect.ownKeys(globalThis).map(String), Reflect.ownKeys(Array.prototype).map(String)]);
      const before = names();
      await import('${entry}');
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (names() !== before) did.push('globals');
      console.log(JSON.stringify([did, process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap')]));
    `;
      const output = await run(process.execPath, ['--input-type=module', '--eval', program], { cwd: folder.path });
      expect(JSON.parse(output)).toEqual([[], []]);
    },
  );
});

describe('TypeScript', () => {
  const settings = {
    node16: ['--module', 'node16', '--moduleResolution', 'node16'],
    bundler: ['--module', 'esnext', '--moduleResolution', 'bundler'],
  };

  it.each(Object.entries(settings))('knows all entries with moduleResolution %s', async (name, flags) => {
    const program = `
      import { createRuntime, nn, type Runtime } from 'kwta';
      import { createRuntime as createInline } from 'kwta/inline';
      import { createRuntime as createSlim, initialize, type KernelSource } from 'kwta/slim';
      import 'kwta/worker';
      const source: KernelSource = new URL('kwta/wasm/simd.wasm', import.meta.url);
      await initialize(source, { worker: 'worker.js' });
      const runtimes: Runtime[] = [await createRuntime(), await createInline(), await createSlim({ threads: 1 })];
      const activation: { type: 'kwta' } = nn.kwta({ gamma: 0.1 });
      export const wrong: string = runtimes.length;
      export { activation };
    `;
    await writeFile(path.join(folder.path, `${name}.mts`), program);
    const compiler = path.join(root, 'node_modules/typescript/bin/tsc');
    const strict = ['--strict', '--noEmit', '--target', 'es2023', '--types', '', '--ignoreConfig'];
    const errors = await new Promise<string>((resolve) => {
      const args = [compiler, ...strict, ...flags, `${name}.mts`];
      execFile(process.execPath, args, { cwd: folder.path }, (_, stdout) => resolve(stdout));
    });
    // The mistake put in on purpose, and no other: not even in the package's own declarations.
    expect(errors.trim().split('\n')).toHaveLength(1);
    expect(errors).toContain("Type 'number' is not assignable to type 'string'");
  });
});

describe('Vite without a configuration', () => {
  it('builds', async () => {
    const place = await project('vite');
    await build({ root: place, ...bare });
    const server = await preview({ root: place, ...bare, preview: { port: 0 } });
    try {
      table.add('Chromium, Vite build', outcomeOf(await visit(browser, server.resolvedUrls?.local[0] ?? '')));
    } finally {
      await server.close();
    }
  }, 180_000);

  it('develops', async () => {
    const place = await project('develop');
    const server = await createServer({ root: place, ...bare, server: { port: 0 } });
    try {
      await server.listen();
      table.add(
        'Chromium, Vite development server',
        outcomeOf(await visit(browser, server.resolvedUrls?.local[0] ?? '')),
      );
    } finally {
      await server.close();
    }
  }, 180_000);

  it('packs no kernels that kwta/slim does not name', async () => {
    const before = `import { initialize } from 'kwta/slim';
import simd from 'kwta/wasm/simd.wasm?url';
await initialize(simd);`;
    const place = await project('slim', { entry: 'kwta/slim', before });
    const built = await build({ root: place, ...bare, build: { target: 'esnext' } });
    const files = ('output' in built ? built.output : []).map(({ fileName }) => fileName);
    expect(files.filter((file) => file.endsWith('.wasm'))).toHaveLength(1);
    await using server = await serve(path.join(place, 'dist'));
    const page = await visit(browser, `${server.origin}/`);
    table.add('Chromium, Vite build of kwta/slim', outcomeOf(page));
    expect(server.asked.filter((file) => file.endsWith('.wasm'))).toHaveLength(1);
  }, 180_000);
});

describe('a page without any tool', () => {
  it('imports kwta/inline', async () => {
    const place = await project('plain', { entry: './kwta.js' });
    await copyFile(installed('dist/inline.js'), path.join(place, 'kwta.js'));
    await using server = await serve(place);
    table.add('Chromium, <script type="module">', outcomeOf(await visit(browser, `${server.origin}/`)));
    expect(server.asked.sort()).toEqual(['/index.html', '/kwta.js', '/page.js', '/train.js']);
  }, 180_000);

  it('imports kwta/inline from another origin', async () => {
    await using cdn = await serve(installed('dist'), { headers: { 'access-control-allow-origin': '*' } });
    const place = await project('elsewhere', { entry: `${cdn.origin}/inline.js` });
    await using server = await serve(place);
    table.add('Chromium, from another origin', outcomeOf(await visit(browser, `${server.origin}/`)));
  }, 180_000);

  it('lies in a folder with spaces, #, % and umlauts in its name', async () => {
    const built = await project('umlauts');
    await build({ root: built, base: './', ...bare });
    await mkdir(path.join(folder.path, 'served'));
    const name = 'a b #1 50% ä';
    await rename(path.join(built, 'dist'), path.join(folder.path, 'served', name));
    await using server = await serve(path.join(folder.path, 'served'));
    const page = await visit(browser, `${server.origin}/${encodeURIComponent(name)}/`);
    table.add('Chromium, folder with spaces, #, %, umlauts', outcomeOf(page));
  }, 180_000);
});
