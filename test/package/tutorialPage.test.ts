/** docs/tutorial-page.md: its three files are a page that trains a network and fools it. */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build, preview } from 'vite';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { blocksOf } from './markdown.js';
import { launch } from './pages.js';
import { type Folder, install, pack, temporaryFolder } from './tarball.js';

let folder: Folder;
let page: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  page = path.join(folder.path, 'page');
  await mkdir(page);
  for (const { file, code } of await blocksOf('docs/tutorial-page.md')) {
    if (file !== undefined) await writeFile(path.join(page, file), code);
  }
  const tarball = await pack(folder.path);
  await install(tarball.file, page);
  await build({ root: page, logLevel: 'warn' });
}, 120_000);

afterAll(() => folder[Symbol.asyncDispose]());

it('trains on shared memory, and the network sees something else in the end', async () => {
  const server = await preview({ root: page, logLevel: 'warn', preview: { port: 0 } });
  const browser = await launch();
  try {
    const tab = await browser.newPage();
    const problems: string[] = [];
    tab.on('pageerror', (error) => problems.push(String(error)));
    await tab.goto(server.resolvedUrls?.local[0] ?? '');
    const said = tab.locator('#status');
    await expect.poll(() => said.textContent(), { timeout: 60_000 }).toContain('Training on');
    expect(await tab.evaluate(() => crossOriginIsolated)).toBe(true);
    await expect
      .poll(async () => [await said.textContent(), problems], { timeout: 150_000 })
      .toEqual([expect.stringMatching(/^(\w+): it saw \1, and now sees (?!\1)\w+$/), []]);
  } finally {
    await browser.close();
    await server.close();
  }
}, 240_000);
