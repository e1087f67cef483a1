/** Twenty training runs killed and taken up again; `npm run kill` kills five hundred. */
import { expect, it } from 'vitest';
import { killRuns } from '../../scripts/lib/killing.mjs';
import { runs } from '../../scripts/lib/runs.mjs';

it('ends with the same bits however often a run is killed', async () => {
  const { kills, finished, resumed, problems } = await killRuns({ count: 20, seed: 0 });
  expect(problems).toEqual([]);
  expect(kills).toBe(20);
  // Else they were killed before they wrote anything.
  expect(resumed).toBeGreaterThan(5);
  expect(finished).toBeGreaterThanOrEqual(Object.keys(runs).length);
}, 300_000);
