// npm run api: writes the public API into docs/api.txt, which a test compares with what is built. A change of it is a change of
// what programs may rely on: it goes into CHANGELOG.md, too.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from './build.mjs';
import { publicApi } from './lib/publicApi.mjs';
import { main, note, root } from './lib/steps.mjs';

/** Entries with an API of their own. */
export const entries = { kwta: 'index.d.ts', 'kwta/slim': 'slim.d.ts', 'kwta/inline': 'inline.d.ts' };

/** The file in the repository. */
export const snapshot = path.join(root, 'docs/api.txt');

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    await build();
    writeFileSync(snapshot, publicApi(path.join(root, 'dist'), entries));
    note('docs/api.txt: written');
  });
}
