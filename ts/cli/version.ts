/** The version of this package. */
import { readFileSync } from 'node:fs';

export function packageVersion(): string {
  const file = new URL(import.meta.resolve('kwta/package.json'));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
