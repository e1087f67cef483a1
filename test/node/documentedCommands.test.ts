/** Commands in README and docs/: there is each, with every flag that is shown. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { pages } from '../package/markdown.js';
import { root } from '../package/tarball.js';
import { kwtaIn } from './command.js';

/** `kwta` commands of all pages, with their flags: lines that end in a backslash go on. */
const commands = (await pages()).flatMap((page) => {
  const text = readFileSync(path.join(root, page), 'utf8').replaceAll(/\\\n\s*/g, '');
  return [...text.matchAll(/\bnpx kwta (\w+)([^#`\n]*)/g)].map(([, name, rest]) => ({
    page,
    name,
    flags: [...rest.matchAll(/(?<= )--[\w-]+/g)].map(([flag]) => flag),
  }));
});

describe('every documented command', () => {
  const names = [...new Set(commands.map(({ name }) => name))];
  it.each(names)('kwta %s exists, and has the flags that pages show', async (name) => {
    const { stdout, stderr, code } = await kwtaIn(root, [name, '--help']);
    expect(code, stderr).toBe(0);
    const missing = commands
      .filter((command) => command.name === name)
      .flatMap(({ page, flags }) => flags.filter((flag) => !stdout.includes(flag)).map((flag) => `${page}: ${flag}`));
    expect(missing).toEqual([]);
  });
});
