// site/page -> dist/page.json.br, by Vite: what `kwta page` serves. The kernels are the package's own, beside it.
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fingerprint, unlessFresh } from './fingerprint.mjs';
import { checkLicences } from './licences.mjs';
import { Failure, note, root } from './steps.mjs';
import { variants } from './wasm.mjs';

const record = 'dist/page.json.br';

/** The builds of the kernels that the page may ask for: it computes the same bits on every machine. */
const kernels = variants.filter(({ relaxed }) => !relaxed).map(({ name }) => `wasm/${name}/kwta_bg.wasm`);

/** Builds when the page, the package or what either is made with changed. */
export async function buildPage() {
  const hash = fingerprint([
    'site/page',
    // Of the package and all that it is made of, compiled just before.
    'dist/ts.hash',
    ...['scripts/lib/page.mjs', ...kernels.map((file) => path.posix.join('dist', file))],
  ]);
  const built = await unlessFresh('dist/page.hash', hash, [record], async () => {
    const folder = path.join(root, `dist/page.partial-${process.pid}`);
    try {
      await bundle(folder);
      const { writePage } = await pageFiles();
      const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) =>
        name.replaceAll('\\', '/'),
      );
      const files = names.sort().filter((name) => statSync(path.join(folder, name)).isFile());
      // The kernels keep their place in the package.
      const own = files.filter((name) => !name.startsWith('wasm/'));
      const page = new Map(own.map((name) => [name, readFileSync(path.join(folder, name))]));
      writePage(page.set('sw.js', serviceWorker(page)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
  note(`Page: ${built ? 'built' : 'up to date'} (${Math.round(statSync(path.join(root, record)).size / 1024)} kB)`);
}

/** @param {string} folder */
async function bundle(folder) {
  const { build } = await import('vite');
  const built = await build({
    configFile: path.join(root, 'site/page/vite.config.mjs'),
    logLevel: 'warn',
    build: { outDir: folder, emptyOutDir: true },
  });
  const { output } = /** @type {import('vite').Rolldown.RolldownOutput} */ (built);
  checkLicences(output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : [])));
}

/** What reads and writes it is the package's own; imported once it is compiled. */
function pageFiles() {
  return import('../../dist/cli/pageFiles.js');
}

/** The page with its kernels, for any host. @param {string} target */
export async function copyPage(target) {
  const { readPage } = await pageFiles();
  const page = readPage();
  if (page === undefined) throw new Failure(`${record} is missing: npm run build makes it.`);
  rmSync(target, { recursive: true, force: true });
  for (const [name, bytes] of page) {
    const file = path.join(target, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  for (const file of ['LICENSES.txt', ...kernels]) {
    mkdirSync(path.join(target, path.dirname(file)), { recursive: true });
    cpSync(path.join(root, 'dist', file), path.join(target, file));
  }
}

/**
 * Keeps these files and the kernels, so that the page works without a network.
 * @param {ReadonlyMap<string, Buffer>} page
 */
function serviceWorker(page) {
  const hash = createHash('sha256');
  for (const bytes of page.values()) hash.update(bytes);
  for (const file of kernels) hash.update(readFileSync(path.join(root, 'dist', file)));
  const names = ['./', ...[...page.keys()].filter((name) => name !== 'index.html'), ...kernels];
  const source = readFileSync(path.join(root, 'site/page/sw.js'), 'utf8');
  const filled = source
    .replace('__FILES__', JSON.stringify(names))
    .replace('__VERSION__', hash.digest('hex').slice(0, 16));
  return Buffer.from(filled);
}
