/** What commands write to files. */
import { platform } from '../platform/node.js';

/** Writes a text file. */
export async function writeText(path: string, text: string): Promise<void> {
  await platform.writeFile(path, new TextEncoder().encode(text));
}

/** Writes any other file. */
export async function writeBytes(path: string, bytes: Uint8Array): Promise<void> {
  await platform.writeFile(path, bytes);
}

/** Indented JSON with lists of plain values on one line. */
export function formatJson(value: unknown): string {
  const indented = JSON.stringify(value, null, 2);
  // Text is left out: it may hold brackets, but no line breaks.
  return `${indented.replace(/\[\n\s+([^[\]{}"]*?)\n\s+\]/g, (_, list: string) => `[${list.replace(/\n\s+/g, ' ')}]`)}\n`;
}
