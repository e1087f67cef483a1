/** The programs in README.md: what stands in its js blocks. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './tarball.js';

/** All js blocks of a section `## title`, in order, as one program. */
export async function programOf(title: string): Promise<string> {
  const text = await readFile(path.join(root, 'README.md'), 'utf8');
  const section = text.split(/^## /m).find((part) => part.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`README.md has no section "${title}"`);
  const blocks = [...section.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
  if (blocks.length === 0) throw new Error(`section "${title}" of README.md has no js block`);
  return blocks.join('\n');
}
