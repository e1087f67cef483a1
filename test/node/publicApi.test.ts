/** What programs may rely on changes on purpose only. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { entries, snapshot } from '../../scripts/api.mjs';
import { publicApi } from '../../scripts/lib/publicApi.mjs';
import { root } from '../../scripts/lib/steps.mjs';

it('the public API is that of docs/api.txt; `npm run api` renews it', async () => {
  expect(publicApi(path.join(root, 'dist'), entries)).toBe(await readFile(snapshot, 'utf8'));
});

it('has what an export names, and not what is private or said in comments', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'kwta-api-'));
  try {
    await mkdir(path.join(folder, 'inner'));
    const files = {
      'index.d.ts': `/** All. */\nexport * from './api.js';\nexport { made } from './inner/made.js';\n`,
      'api.d.ts': `export type { Shape as Form } from './inner/made.js';\nexport * as more from './inner/more.js';\n`,
      'inner/made.d.ts': `import type { Deep } from './more.js';\nexport interface Shape {\n    /** Why. */\n    deep: Deep;\n}\nexport declare function made(): Shape;\nexport declare const other: number;\n`,
      'inner/more.d.ts': `export type Deep = 1 | 2;\ntype Hidden = 3;\n`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(folder, name), text);
    const api = publicApi(folder, { all: 'index.d.ts' });
    expect(api).toContain('// all: Form, made, more\n');
    expect(api).toContain('export interface Shape {\n    deep: Deep;\n}');
    expect(api).toContain('export type Deep = 1 | 2;');
    expect(api).toContain('namespace of inner/more.d.ts: Deep\n');
    expect(api).not.toMatch(/Hidden|other|Why/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
