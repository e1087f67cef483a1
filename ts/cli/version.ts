/** The version of this package, and what it runs on. */
import { readFileSync } from 'node:fs';
import { platform } from '../platform/node.js';

let known: string | undefined;

export function packageVersion(): string {
  const file = new URL(import.meta.resolve('kwta/package.json'));
  known ??= (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
  return known;
}

/** As pages and results name them. */
export function versions(): { kwta: string; platform: string } {
  return { kwta: packageVersion(), platform: platform.describe() };
}
