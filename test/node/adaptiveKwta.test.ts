/** The whole of the large budget, which takes seconds. */
import { attacks } from 'kwta';
import { expect, it } from 'vitest';
import { useRuntime } from '../contract/support.js';
import { stubborn, stubbornSample } from '../contract/toys.js';

const runtime = useRuntime({ threads: 1 });

it('the full budget of adaptiveKwta is a million queries a sample, of which nearly all are asked where nothing helps', async () => {
  const model = await stubborn(runtime(), true);
  // In l2 its stages ask the most.
  const { queries, stages } = await model.attack(attacks.adaptiveKwta({ norm: 'l2', budget: 'full' }), stubbornSample);
  const asked = queries.forward + queries.backward;
  expect(asked).toBeLessThanOrEqual(1_000_000);
  expect(asked).toBeGreaterThan(900_000);
  expect(stages[0].reduce((sum, { queries: own }) => sum + own.forward + own.backward, 0)).toBe(asked);
  const quick = await model.attack(attacks.adaptiveKwta({ norm: 'l2' }), stubbornSample);
  expect(stages[0].slice(0, quick.stages[0].length)).toEqual(quick.stages[0]);
});
