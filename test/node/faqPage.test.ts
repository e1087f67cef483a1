/** docs/faq.md: every message that it quotes is one that the package gives. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';

const root = path.join(import.meta.dirname, '../..');
const page = readFileSync(path.join(root, 'docs/faq.md'), 'utf8');
const messages = [...page.matchAll(/^### `(.+)`$/gm)].map(([, message]) => message);

/** What ts/ says: texts that stand in parts are joined, and what is put into them is cut out. */
const said = readdirSync(path.join(root, 'ts'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(path.join(root, 'ts', name), 'utf8'))
  .join('\n')
  .replaceAll(/['"`] \+\s+['"`]/g, '')
  .replaceAll(/\$\{(?:[^{}]|\{[^}]*\})*\}/g, '…')
  .replaceAll("\\'", "'");

it('quotes messages of all parts of the package', () => {
  expect(messages.length).toBeGreaterThan(20);
});

it.each(messages)('%s', (message) => {
  const parts = message.split('…').map((text) => text.trim());
  expect(parts.filter((part) => !said.includes(part))).toEqual([]);
});
