/** The recipes of `examples/training`, each in a small form: they run to their end, the loss falls, figures are printed. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const folder = fileURLToPath(new URL('../../examples/training/', import.meta.url));
const recipes = readdirSync(folder).filter((name) => name !== 'common.mjs');
const small = ['--images', '192', '--epochs', '2', '--samples', '16', '--threads', '1'];

it.each(recipes)(
  '%s',
  async (name) => {
    const { stdout } = await promisify(execFile)(process.execPath, [folder + name, ...small]);
    const losses = Array.from(stdout.matchAll(/^epoch \d loss (\S+)/gm), ([, loss]) => Number(loss));
    expect(losses.length % 2, stdout).toBe(0);
    expect(losses.length).toBeGreaterThan(0);
    // A warm start trains twice.
    for (let i = 0; i < losses.length; i += 2) expect(losses[i + 1], stdout).toBeLessThan(losses[i]);
    expect(stdout).toMatch(/^clean \S+ %, PGD-20 at 0\.1 \S+ %$/m);
  },
  120_000,
);
