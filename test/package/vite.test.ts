/** examples/browser with the tarball: built by Vite and served with and without the two headers, and in development. */
import { cp } from 'node:fs/promises';
import path from 'node:path';
import { type Browser, chromium } from 'playwright';
import { build, createServer, preview } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureChromium } from '../../scripts/lib/chromium.mjs';
import { type Folder, install, pack, root, temporaryFolder } from './tarball.js';

let folder: Folder;
let browser: Browser;
/** The example, as somebody would have copied it. */
let example: string;

beforeAll(async () => {
  folder = await temporaryFolder();
  example = path.join(folder.path, 'browser');
  await cp(path.join(root, 'examples/browser'), example, {
    recursive: true,
    filter: (file) => !/[\\/](node_modules|dist)$/.test(file),
  });
  const tarball = await pack(folder.path);
  await install(tarball.file, example);
  await build({ root: example, logLevel: 'warn' });
  browser = await chromium.launch({
    executablePath: await ensureChromium(),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
  });
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await folder[Symbol.asyncDispose]();
});

describe('example page', () => {
  it('trains on shared memory when built and served with the headers', async () => {
    const server = await preview({ root: example, logLevel: 'warn', preview: { port: 0 } });
    try {
      const page = await visit(server.resolvedUrls?.local[0]);
      expectTrained(page);
      expect(page.isolated).toBe(true);
      expect(page.variant).toMatch(/^(relaxed|simd)-threads$/);
      expect(page.threads).toBe(page.cores);
    } finally {
      await server.close();
    }
  }, 180_000);

  it('trains on one thread when served without the headers', async () => {
    const server = await preview({ root: example, logLevel: 'warn', configFile: false, preview: { port: 0 } });
    try {
      const page = await visit(server.resolvedUrls?.local[0]);
      expectTrained(page);
      expect(page.isolated).toBe(false);
      expect(page.variant).toBe('simd');
      expect(page.threads).toBe(1);
    } finally {
      await server.close();
    }
  }, 180_000);

  it('trains in the development server', async () => {
    const server = await createServer({ root: example, logLevel: 'warn', server: { port: 0 } });
    try {
      await server.listen();
      const page = await visit(server.resolvedUrls?.local[0]);
      expectTrained(page);
      expect(page.isolated).toBe(true);
    } finally {
      await server.close();
    }
  }, 180_000);
});

type Visit = Awaited<ReturnType<typeof visit>>;

/** Opens the page, waits until it is done, and reads off what it shows. */
async function visit(url: string | undefined) {
  if (url === undefined) throw new Error('the server has no address');
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('requestfailed', (request) => problems.push(`${request.url()}: ${request.failure()?.errorText}`));
  try {
    await page.goto(url);
    const ended = () => ['done', 'failed'].includes(document.body.dataset.state ?? '');
    await page.waitForFunction(ended, undefined, { timeout: 150_000 }).catch((error) => problems.push(String(error)));
    const shown = await page.evaluate(() => {
      const text = (id: string): string => document.getElementById(id)?.textContent ?? '';
      return {
        state: document.body.dataset.state,
        status: text('status'),
        isolated: crossOriginIsolated,
        cores: navigator.hardwareConcurrency,
        variant: text('variant'),
        threads: Number(text('threads')),
        testAccuracy: Number.parseFloat(text('test-accuracy')),
        // Heights of the dots in the chart: a lower loss is further down, which means a larger y.
        dots: [...document.querySelectorAll('#chart circle')].map((dot) => Number(dot.getAttribute('cy'))),
        figures: document.querySelectorAll('#figures li').length,
      };
    });
    return { ...shown, problems };
  } finally {
    await page.close();
  }
}

function expectTrained({ state, status, problems, dots, testAccuracy, figures }: Visit): void {
  expect(problems).toEqual([]);
  expect(`${state}: ${status}`).toBe('done: Done');
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(dots).toHaveLength(4 * Math.ceil(4000 / 64));
  // The chart shows a loss of 2.5 on a height of 204.
  expect(mean(dots.slice(-10)) - mean(dots.slice(0, 10))).toBeGreaterThan(80);
  expect(testAccuracy).toBeGreaterThan(80);
  expect(figures).toBe(10);
}
