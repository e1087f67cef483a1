// npm run build: sets up what is missing and builds what is stale into dist/.
import { pathToFileURL } from 'node:url';
import { ensurePackages } from './lib/packages.mjs';
import { buildPage } from './lib/page.mjs';
import { main, stage } from './lib/steps.mjs';
import { buildTypeScript } from './lib/typescript.mjs';
import { buildWasm } from './lib/wasm.mjs';

/** Everything that `npm start`, `npm test` and `npm run bench` need. */
export async function build() {
  await stage('Set-up', ensurePackages);
  await stage('Build', async () => {
    await buildWasm();
    await buildTypeScript();
    await buildPage();
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) await main(build);
