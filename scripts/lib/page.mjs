// site/page -> dist/page, by Vite: what `kwta page` serves. The kernels are the package's own, beside it.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, unlessFresh } from './fingerprint.mjs';
import { note, root } from './steps.mjs';

const page = path.join(root, 'dist/page');

/** Builds when the page, the package or what either is made with changed. */
export async function buildPage() {
  const hash = fingerprint([
    'site/page',
    'ts',
    'package-lock.json',
    'scripts/lib/page.mjs',
    ...variants().map((variant) => `dist/wasm/${variant}.hash`),
  ]);
  const built = await unlessFresh('dist/page.hash', hash, ['dist/page/index.html'], async () => {
    const { build } = await import('vite');
    await build({
      configFile: path.join(root, 'site/page/vite.config.mjs'),
      logLevel: 'warn',
      build: { outDir: page, emptyOutDir: true },
    });
    writeServiceWorker();
    rmSync(path.join(page, 'wasm'), { recursive: true });
  });
  note(`Page: ${built ? 'built' : 'up to date'} (${Math.round(sizeOf(page) / 1024)} kB beside the kernels)`);
}

/** The page with its kernels, for any host. @param {string} target */
export function copyPage(target) {
  rmSync(target, { recursive: true, force: true });
  cpSync(page, target, { recursive: true });
  for (const variant of variants()) {
    mkdirSync(path.join(target, 'wasm', variant), { recursive: true });
    const file = path.join('wasm', variant, 'kwta_bg.wasm');
    cpSync(path.join(root, 'dist', file), path.join(target, file));
  }
}

/** The builds of the kernels that the page may ask for: it computes the same bits on every machine. */
function variants() {
  return ['simd', 'simd-threads'];
}

function writeServiceWorker() {
  const files = list(page).filter((name) => !name.startsWith('wasm/'));
  const kernels = variants().map((variant) => `wasm/${variant}/kwta_bg.wasm`);
  const hash = createHash('sha256');
  for (const name of [...files, ...kernels]) hash.update(readFileSync(path.join(page, name)));
  const names = ['./', ...files.filter((name) => name !== 'index.html'), ...kernels];
  const source = readFileSync(path.join(root, 'site/page/sw.js'), 'utf8');
  const filled = source
    .replace('__FILES__', JSON.stringify(names))
    .replace('__VERSION__', hash.digest('hex').slice(0, 16));
  writeFileSync(path.join(page, 'sw.js'), filled);
}

/** @param {string} folder */
function list(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(path.join(folder, name)).isFile())
    .map((name) => name.replaceAll('\\', '/'))
    .sort();
}

/** @param {string} folder */
function sizeOf(folder) {
  return list(folder).reduce((sum, name) => sum + statSync(path.join(folder, name)).size, 0);
}
