/**
 * The tarball under other run times, bundlers, frameworks and test runners, which are installed for this: each trains ten steps
 * in a worker, and all print the same loss, bit for bit.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { launch, outcomeOf, serve, visit } from '../pages.js';
import { outcomeIn, type ProgramOptions, writeProgram } from '../program.js';
import { Table } from '../table.js';
import { type Folder, install, installTools, pack, run, temporaryFolder } from '../tarball.js';

/** Node of other versions, as packages without scripts. */
const platform = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
const tools = [
  `node22@npm:${platform}@22`,
  `node24@npm:${platform}@24`,
  'bun@1.4.5',
  'deno@2.9.6',
  'esbuild@0.28.2',
  'jest@30.5.2',
  'jest-environment-jsdom@30.5.2',
  'jsdom@27.3.0',
  'next@16.4.6',
  'react@19.3.1',
  'react-dom@19.3.1',
  'rollup@4.68.8',
  '@rollup/plugin-node-resolve@16.0.3',
  'vitest@4.1.12',
  'webpack@5.113.0',
];

// A bundler that starts for the first time reads thousands of files.
vi.setConfig({ testTimeout: 300_000 });

const table = new Table();
let folder: Folder;
let browser: Browser;

beforeAll(async () => {
  folder = await temporaryFolder();
  await install((await pack(folder.path)).file, folder.path);
  await installTools(tools, folder.path);
  browser = await launch();
  await writeProgram(folder.path);
  table.add(`Node ${process.versions.node}`, outcomeIn(await program(process.execPath, ['main.js'])));
}, 900_000);

afterAll(async () => {
  table.print();
  await browser?.close();
  await folder?.[Symbol.asyncDispose]();
});

const bin = (name: string): string => path.join(folder.path, 'node_modules/.bin', name);

/** What a program prints in the folder, or in one below it. */
function program(file: string, args: string[], below = '.', env: NodeJS.ProcessEnv = {}): Promise<string> {
  return run(file, args, { cwd: path.join(folder.path, below), env: { ...process.env, ...env } });
}

/** A folder with the program, beside what is installed. */
async function project(name: string, options?: ProgramOptions): Promise<string> {
  const place = path.join(folder.path, name);
  await mkdir(place, { recursive: true });
  await writeProgram(place, options);
  await writeFile(path.join(place, 'package.json'), '{ "private": true, "type": "module" }');
  return place;
}

/** Opens what a bundler wrote into `dist`. */
async function open(environment: string, place: string): Promise<void> {
  await cp(path.join(place, 'index.html'), path.join(place, 'dist/index.html'));
  await using server = await serve(path.join(place, 'dist'));
  table.add(environment, outcomeOf(await visit(browser, `${server.origin}/`)));
}

describe('run times', () => {
  it.each(['22', '24'])('Node %s, by import and by require()', async (version) => {
    const node = path.join(folder.path, `node_modules/node${version}/bin/node`);
    table.add(
      `Node ${(await program(node, ['--version'])).slice(1).trim()}`,
      outcomeIn(await program(node, ['main.js'])),
    );
    await writeFile(
      path.join(folder.path, 'main.cjs'),
      `const { createRuntime } = require('kwta');
      if (typeof createRuntime !== 'function') throw new Error('no function');
      void import('./main.js');`,
    );
    table.add(`Node ${version}, require()`, outcomeIn(await program(node, ['main.cjs'])));
  });

  it.each([
    ['Deno', 'deno', ['run', '--allow-all', 'main.js']],
    ['Bun', 'bun', ['run', 'main.js']],
  ])('%s', async (name, file, args) => {
    table.add(name, outcomeIn(await program(bin(file), args)));
    const place = await project(`single-${file}`, { entry: 'kwta/inline' });
    table.add(`${name}, kwta/inline`, outcomeIn(await program(bin(file), args, path.basename(place))));
  });
});

describe('bundlers', () => {
  it('webpack 5', async () => {
    const place = await project('webpack');
    const build = `import webpack from 'webpack';
      const output = { path: ${JSON.stringify(path.join(place, 'dist'))}, filename: 'page.js' };
      webpack({ context: ${JSON.stringify(place)}, mode: 'production', entry: './page.js', output }, (error, stats) => {
        if (error) throw error;
        if (stats.hasErrors()) throw new Error(stats.toString());
      });`;
    await writeFile(path.join(place, 'build.js'), build);
    await program(process.execPath, ['build.js'], 'webpack');
    await open('Chromium, webpack 5', place);
  });

  it('esbuild for browsers', async () => {
    const place = await project('esbuild', { entry: 'kwta/inline' });
    const flags = ['--bundle', '--format=esm', '--minify', '--outfile=dist/page.js', '--log-level=error'];
    await program(bin('esbuild'), ['page.js', ...flags], 'esbuild');
    await open('Chromium, esbuild, kwta/inline', place);
  });

  it('esbuild for browsers, with a worker and kernels of their own', async () => {
    const before = `import { initialize } from 'kwta/slim';
      await initialize('./simd.wasm', { worker: './worker.js' });`;
    const place = await project('esbuild-slim', { entry: 'kwta/slim', before });
    await writeFile(path.join(place, 'worker.js'), `import 'kwta/worker';`);
    const flags = ['--bundle', '--format=esm', '--outdir=dist', '--log-level=error'];
    await program(bin('esbuild'), ['page.js', 'worker.js', ...flags], 'esbuild-slim');
    const kernels = path.join(folder.path, 'node_modules/kwta/dist/wasm/simd/kwta_bg.wasm');
    await cp(kernels, path.join(place, 'dist/simd.wasm'));
    await open('Chromium, esbuild, kwta/slim', place);
  });

  it('esbuild for Node', async () => {
    const place = await project('esbuild-node', { entry: 'kwta/inline' });
    const flags = ['--bundle', '--platform=node', '--log-level=error'];
    for (const [format, file] of [
      ['esm', 'main.mjs'],
      ['cjs', 'main.cjs'],
    ]) {
      await program(
        bin('esbuild'),
        ['main.js', ...flags, `--format=${format}`, `--outfile=dist/${file}`],
        'esbuild-node',
      );
      table.add(
        `Node, esbuild ${format}, kwta/inline`,
        outcomeIn(await program(process.execPath, [`dist/${file}`], 'esbuild-node')),
      );
    }
    // Where the worker's file is left behind, that is what is said.
    const lost = await project('esbuild-lost');
    await program(bin('esbuild'), ['main.js', ...flags, '--format=esm', '--outfile=dist/main.mjs'], 'esbuild-lost');
    const failure = await program(process.execPath, ['dist/main.mjs'], path.basename(lost)).catch(String);
    expect(failure).toContain("imports 'kwta/inline', which needs no other files");
    expect(place).not.toBe(lost);
  });

  it('Rollup', async () => {
    const place = await project('rollup', { entry: 'kwta/inline' });
    const build = `import { rollup } from 'rollup';
      import { nodeResolve } from '@rollup/plugin-node-resolve';
      const bundle = await rollup({ input: 'page.js', plugins: [nodeResolve({ browser: true })], onwarn() {} });
      await bundle.write({ dir: 'dist', format: 'es' });`;
    await writeFile(path.join(place, 'build.js'), build);
    await program(process.execPath, ['build.js'], 'rollup');
    await open('Chromium, Rollup, kwta/inline', place);
  });
});

it('Next.js builds, renders on the server and trains in the browser', async () => {
  const place = await project('next');
  await mkdir(path.join(place, 'app'));
  const files = {
    'app/layout.js': `export default function Layout({ children }) {
      return <html lang="en"><head><link rel="icon" href="data:," /></head><body>{children}</body></html>;
    }`,
    'app/page.js': `import { nn } from 'kwta';
      import { Training } from './training.js';
      export default function Page() {
        return <main><p>rendered: {nn.kwta({ gamma: 0.2 }).type}</p><Training /></main>;
      }`,
    'app/training.js': `'use client';
      import { useEffect } from 'react';
      import { train } from '../train.js';
      export function Training() {
        useEffect(() => {
          const show = (state, text) => Object.assign(document.body.dataset, { state, text });
          train({ threads: 1 }).then((outcome) => show('done', JSON.stringify(outcome)), (error) => show('failed', String(error)));
        }, []);
        return <output />;
      }`,
  };
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(place, name), text);
  await program(bin('next'), ['build'], 'next', { NEXT_TELEMETRY_DISABLED: '1' });
  const args = ['start', '--port', '0', '--hostname', '127.0.0.1'];
  const server = spawn(process.execPath, [path.join(folder.path, 'node_modules/next/dist/bin/next'), ...args], {
    cwd: place,
    env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1' },
  });
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let output = '';
      server.stdout.on('data', (text) => {
        output += text;
        const found = /http:\/\/127\.0\.0\.1:\d+/.exec(output);
        if (found) resolve(found[0]);
      });
      server.once('exit', () => reject(new Error(`next did not start: ${output}`)));
    });
    const html = await (await fetch(address)).text();
    expect(html).toMatch(/rendered: (<!-- -->)?kwta/);
    table.add('Chromium, Next.js', outcomeOf(await visit(browser, address)));
  } finally {
    server.kill();
    await once(server, 'exit');
  }
}, 600_000);

describe('test runners', () => {
  const test = `test('trains', async () => {
    process.stdout.write('OUTCOME ' + JSON.stringify(await train({ threads: 1 })) + '\\n');
  }, 120_000);`;

  it('Jest', async () => {
    await writeFile(path.join(await project('jest'), 'train.test.js'), `import { train } from './train.js';\n${test}`);
    const config = JSON.stringify({ rootDir: '.', testEnvironment: 'node', transform: {} });
    const env = { NODE_OPTIONS: '--experimental-vm-modules' };
    table.add('Jest', outcomeIn(await program(bin('jest'), ['--config', config, '--colors=false'], 'jest', env)));
  });

  it('Jest with jsdom, which lacks what workers need: the error says what to do, and it does', async () => {
    const place = await project('jest-jsdom');
    const head = `import { train } from './train.js';\n`;
    await writeFile(path.join(place, 'train.test.js'), head + test);
    const config = JSON.stringify({ rootDir: '.', testEnvironment: 'jsdom', transform: {} });
    const jest = () =>
      program(bin('jest'), ['--config', config, '--colors=false'], 'jest-jsdom', {
        NODE_OPTIONS: '--experimental-vm-modules',
      });
    const remedy = '/** @jest-environment node */';
    expect(await jest().catch(({ stderr }: { stderr: string }) => stderr)).toContain(
      `begin the test file with ${remedy}`,
    );
    await writeFile(path.join(place, 'train.test.js'), `${remedy}\n${head}${test}`);
    table.add('Jest with jsdom, as told', outcomeIn(await jest()));
  });

  it('vitest with jsdom', async () => {
    const place = await project('vitest');
    await rename(path.join(place, 'train.js'), path.join(place, 'training.js'));
    const head = `import { test } from 'vitest';\nimport { train } from './training.js';\n`;
    await writeFile(path.join(place, 'train.test.js'), head + test);
    await writeFile(path.join(place, 'vitest.config.js'), 'export default {};');
    const output = await program(bin('vitest'), ['run', '--environment', 'jsdom'], 'vitest', { NO_COLOR: '1' });
    table.add('vitest with jsdom', outcomeIn(output));
  });
});
