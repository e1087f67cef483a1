/** Three hundred corrupted files; `npm run corrupt` reads ten thousand. */
import { expect, it } from 'vitest';
import { readCorrupted } from '../../scripts/lib/corruption.mjs';

it('refuses corrupted files by name, or reads what they say', async () => {
  const { refused, read, problems } = await readCorrupted({ count: 300, seed: 0 });
  expect(problems).toEqual([]);
  expect(refused + read).toBe(300);
  // Else the changes were too small to try anything, or too large to get past the first check.
  expect(refused).toBeGreaterThan(100);
  expect(read).toBeGreaterThan(30);
}, 120_000);
