/** The built demo page, which the package carries in one compressed file: apart, its files take a quarter more. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';

/** The page's files by their names relative to it, `index.html` and `assets/...`; all are text. */
export type PageFiles = ReadonlyMap<string, Buffer>;

/** In the package's folder of built files. */
const file = path.join(fileURLToPath(new URL('..', import.meta.url)), 'page.json.br');

/** Nothing in a package that was built without it. */
export function readPage(): PageFiles | undefined {
  if (!existsSync(file)) return undefined;
  const texts = JSON.parse(brotliDecompressSync(readFileSync(file)).toString()) as Record<string, string>;
  return new Map(Object.entries(texts).map(([name, text]) => [name, Buffer.from(text)]));
}

/** Puts a page in the place of the one before. */
export function writePage(page: PageFiles): void {
  const texts = Object.fromEntries([...page].map(([name, bytes]) => [name, bytes.toString()]));
  writeFileSync(file, brotliCompressSync(JSON.stringify(texts)));
}
