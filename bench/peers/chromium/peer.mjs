/**
 * The package in headless Chromium, on a cross-origin isolated page that this program serves. Usage: peer.mjs THREADS
 * PEAK.wasm RELAXED_PEAK.wasm
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright';
import { createServer } from 'vite';
import { root, which } from '../../../scripts/lib/steps.mjs';
import { answerLines } from '../protocol.mjs';

const [threads, ...peaks] = process.argv.slice(2);
/** Where the harness leaves inputs and wants results; its requests say so. */
let folder = '';

/**
 * Lists the inputs of a task, reads them and the peak modules, writes results.
 * @type {import('vite').Connect.NextHandleFunction}
 */
function exchange(request, response) {
  const file = new URL(request.url ?? '', 'http://localhost').searchParams.get('file');
  if (!file) {
    const inputs = readdirSync(folder).filter((name) => name.endsWith('.f32'));
    response.end(JSON.stringify(inputs.map((name) => name.slice(0, -4))));
  } else if (!peaks.includes(file) && !(folder && file.startsWith(folder))) {
    response.writeHead(403).end();
  } else if (request.method === 'POST') {
    /** @type {Buffer[]} */
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      writeFileSync(file, Buffer.concat(parts));
      response.end();
    });
  } else {
    response.end(readFileSync(file));
  }
}

const cacheDir = await mkdtemp(join(tmpdir(), 'kwta-bench-vite-'));
const server = await createServer({
  root,
  cacheDir,
  configFile: false,
  logLevel: 'error',
  server: {
    port: 0,
    hmr: false,
    watch: null,
    headers: { 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Embedder-Policy': 'require-corp' },
  },
  optimizeDeps: { include: ['comlink', 'wasm-feature-detect'], entries: [] },
  plugins: [{ name: 'exchange', configureServer: ({ middlewares }) => void middlewares.use('/exchange', exchange) }],
});
await server.listen();
const installed = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'].map(which).find(Boolean);
const browser = await chromium.launch({
  // Without any of these, the one that playwright has downloaded.
  executablePath: process.env.KWTA_CHROMIUM ?? installed,
  args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
});
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`${server.resolvedUrls?.local[0]}bench/peers/chromium/page.html`);
  await page.waitForFunction('globalThis.ask');
  const ask = (/** @type {unknown} */ message) =>
    page.evaluate((message) => /** @type {any} */ (globalThis).ask(message), message);
  const { error } = await ask({ threads: Number(threads), peaks });
  if (error) throw new Error(error);
  await answerLines((line) => {
    folder = / dir=(\S+)/.exec(line)?.[1] ?? folder;
    return ask(line);
  });
} finally {
  await browser.close();
  await server.close();
  await rm(cacheDir, { recursive: true });
}
