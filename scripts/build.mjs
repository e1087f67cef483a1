// npm run build: sets up what is missing and builds what is stale into dist/.
import { pathToFileURL } from 'node:url';
import { ensurePackages } from './lib/packages.mjs';
import { buildPage } from './lib/page.mjs';
import { main, stage } from './lib/steps.mjs';
import { buildTypeScript } from './lib/typescript.mjs';
import { buildWasm } from './lib/wasm.mjs';

/**
 * Everything that `npm test` and `npm run bench` need; with `choose`, what the command line does with one variant of the kernels.
 * @param {() => Promise<string>} [choose] asked once the packages are there
 */
export async function build(choose) {
  await stage('Set-up', ensurePackages);
  const only = await choose?.();
  await stage('Build', async () => {
    await buildWasm(only);
    await buildTypeScript();
    if (only === undefined) await buildPage();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(() => build());
