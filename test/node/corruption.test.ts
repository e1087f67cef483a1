/** Three hundred corrupted files, as many checkpoints, some hundred pickles; `npm run corrupt` reads ten thousand of each. */
import { expect, it } from 'vitest';
import { readCorrupted } from '../../scripts/lib/corruption.mjs';

it('refuses corrupted files by name, or reads what they say', async () => {
  const { refused, read, problems } = await readCorrupted({ count: 300, seed: 0 });
  expect(problems).toEqual([]);
  expect(refused + read).toBe(300);
  // Else the changes were too small to try anything, or too large to get past the first check.
  expect(refused).toBeGreaterThan(100);
  expect(read).toBeGreaterThan(20);
}, 120_000);

it('refuses corrupted checkpoints, or gives the very state that was written', async () => {
  const { refused, read, problems } = await readCorrupted({ count: 300, seed: 0, kind: 'checkpoints' });
  expect(problems).toEqual([]);
  expect(refused + read).toBe(300);
  // Spaces at the header's end may change without anything being lost.
  expect(refused).toBeGreaterThan(250);
}, 120_000);

it('refuses hostile pickles, and corrupted ones or reads what is in them, in little memory', async () => {
  const before = process.resourceUsage().maxRSS;
  const { refused, read, problems } = await readCorrupted({ count: 160, seed: 0, kind: 'pickles' });
  expect(problems).toEqual([]);
  expect(refused + read).toBe(160);
  expect(refused).toBeGreaterThan(120);
  expect(read).toBeGreaterThan(3);
  // In KiB; the largest file has 18 of them.
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(200_000);
}, 120_000);
