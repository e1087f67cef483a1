// site/page -> dist/page, by Vite: what `kwta page` serves. The kernels are the package's own, beside it.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { filesBelow, fingerprint, unlessFresh } from './fingerprint.mjs';
import { checkLicences } from './licences.mjs';
import { note, root } from './steps.mjs';
import { variants } from './wasm.mjs';

const page = path.join(root, 'dist/page');

/** The builds of the kernels that the page may ask for: it computes the same bits on every machine. */
const kernels = variants.filter(({ relaxed }) => !relaxed).map(({ name }) => name);

/** Builds when the page, the package or what either is made with changed. */
export async function buildPage() {
  const hash = fingerprint([
    'site/page',
    // Of the package and all that it is made of, compiled just before.
    'dist/ts.hash',
    'scripts/lib/page.mjs',
    ...kernels.map((variant) => `dist/wasm/${variant}.hash`),
  ]);
  const built = await unlessFresh('dist/page.hash', hash, ['dist/page/index.html'], async () => {
    const { build } = await import('vite');
    const built = await build({
      configFile: path.join(root, 'site/page/vite.config.mjs'),
      logLevel: 'warn',
      build: { outDir: page, emptyOutDir: true },
    });
    const { output } = /** @type {import('vite').Rolldown.RolldownOutput} */ (built);
    checkLicences(output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : [])));
    writeServiceWorker();
    rmSync(path.join(page, 'wasm'), { recursive: true });
  });
  note(`Page: ${built ? 'built' : 'up to date'} (${Math.round(pageSize() / 1024)} kB beside the kernels)`);
}

/** The page with its kernels, for any host. @param {string} target */
export function copyPage(target) {
  rmSync(target, { recursive: true, force: true });
  cpSync(page, target, { recursive: true });
  cpSync(path.join(root, 'dist/LICENSES.txt'), path.join(target, 'LICENSES.txt'));
  for (const variant of kernels) {
    mkdirSync(path.join(target, 'wasm', variant), { recursive: true });
    const file = path.join('wasm', variant, 'kwta_bg.wasm');
    cpSync(path.join(root, 'dist', file), path.join(target, file));
  }
}

function writeServiceWorker() {
  const files = pageFiles().filter((name) => !name.startsWith('wasm/'));
  const wasm = kernels.map((variant) => `wasm/${variant}/kwta_bg.wasm`);
  const hash = createHash('sha256');
  for (const name of [...files, ...wasm]) hash.update(readFileSync(path.join(page, name)));
  const names = ['./', ...files.filter((name) => name !== 'index.html'), ...wasm];
  const source = readFileSync(path.join(root, 'site/page/sw.js'), 'utf8');
  const filled = source
    .replace('__FILES__', JSON.stringify(names))
    .replace('__VERSION__', hash.digest('hex').slice(0, 16));
  writeFileSync(path.join(page, 'sw.js'), filled);
}

/** The files of the page, relative to it. */
function pageFiles() {
  return filesBelow('dist/page').map((name) => path.posix.relative('dist/page', name));
}

function pageSize() {
  return pageFiles().reduce((sum, name) => sum + statSync(path.join(page, name)).size, 0);
}
