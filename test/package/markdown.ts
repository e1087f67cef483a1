/** Programs and files in README.md and docs/: what stands in their fenced blocks. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { root } from './tarball.js';

/** A fenced block: ```` ```js [main.js] ```` is the file `main.js`, ```` ```js ```` a part of the page's program. */
interface Block {
  language: string;
  file: string | undefined;
  code: string;
}

/** All pages of docs/ that are written by hand, relative to the checkout. */
export async function pages(): Promise<string[]> {
  const names = await readdir(path.join(root, 'docs'), { recursive: true });
  const written = names.filter((name) => name.endsWith('.md') && !name.startsWith(`api${path.sep}`));
  return ['README.md', ...written.map((name) => path.posix.join('docs', name.replaceAll(path.sep, '/'))).sort()];
}

/** The blocks of a page, in order. */
export async function blocksOf(page: string): Promise<Block[]> {
  const text = await readFile(path.join(root, page), 'utf8');
  return [...text.matchAll(/^```(\w+)(?: \[([^\]\n]+)\])?\n(.*?)^```$/gms)].map(([, language, file, code]) => ({
    language,
    file,
    code,
  }));
}

/** All js blocks of a page that are no files, in order, as one program; empty without any. */
export async function programOf(page: string): Promise<string> {
  const blocks = await blocksOf(page);
  return blocks
    .filter(({ language, file }) => language === 'js' && file === undefined)
    .map(({ code }) => code)
    .join('\n');
}
