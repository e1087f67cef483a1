/** Denormal numbers, on which arithmetic takes many times as long, become zero where a model takes them over. */
import { nn } from 'kwta';
import { expect, it } from 'vitest';
import { useRuntime } from './support.js';

const runtime = useRuntime();
const least = 2 ** -126;

it('loadStateDict keeps every other number', async () => {
  const spec = nn.sequential([nn.flatten(), nn.linear({ out: 2 })], { input: [1, 2, 2] });
  const model = await runtime().model(spec, { seed: 1 });
  const state = await model.stateDict();
  const [weight, bias] = Object.values(state);
  weight.data.set([1e-40, -1e-40, least, -least, 0, -0, 1, -(2 ** -149)]);
  bias.data.set([least - 2 ** -149, 0.5]);
  await model.loadStateDict(state);
  const [weightAfter, biasAfter] = Object.values(await model.stateDict());
  expect(Array.from(weightAfter.data)).toEqual([0, -0, least, -least, 0, -0, 1, -0]);
  expect(Array.from(biasAfter.data)).toEqual([0, 0.5]);
  await model.dispose();
});
