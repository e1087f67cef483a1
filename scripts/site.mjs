// npm run site: builds what is stale, and the site for any static host into site/dist.
import path from 'node:path';
import { build } from './build.mjs';
import { copyPage } from './lib/page.mjs';
import { main, note, root, stage } from './lib/steps.mjs';

await main(async () => {
  await build();
  await stage('Site', async () => {
    await copyPage(path.join(root, 'site/dist'));
    note('site/dist: copy it to any static host, into any folder');
  });
});
