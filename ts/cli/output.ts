/** Files that commands write: checked before the work, written whole or not at all. */
import { accessSync, constants, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { platform } from '../platform/node.js';

/** Why `path` cannot be written, in words; `undefined` when it can. */
export function checkOutput(path: string): string | undefined {
  if (path === '') return 'expected the path of a file';
  const folder = dirname(resolve(path));
  try {
    if (!statSync(folder).isDirectory()) return `${folder} is no folder`;
  } catch {
    return `there is no folder ${folder}`;
  }
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    return `the folder ${folder} cannot be written to`;
  }
  const existing = statSync(path, { throwIfNoEntry: false });
  return existing?.isDirectory() ? `${path} is a folder` : undefined;
}

/** Writes a text file under another name first, so that a failure leaves nothing half-written. */
export async function writeText(path: string, text: string): Promise<void> {
  await platform.writeFile(path, new TextEncoder().encode(text));
}

/** Indented JSON with lists of plain values on one line. */
export function formatJson(value: unknown): string {
  const indented = JSON.stringify(value, null, 2);
  // Text is left out: it may hold brackets, but no line breaks.
  return `${indented.replace(/\[\n\s+([^[\]{}"]*?)\n\s+\]/g, (_, list: string) => `[${list.replace(/\n\s+/g, ' ')}]`)}\n`;
}
