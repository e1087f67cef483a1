/** Attacks of minimum norm go the way that their papers describe, as a program of its own goes it. */
import { attacks } from 'kwta';
import { describe, expect, it } from 'vitest';
import { proximal } from '../../dist/attacks/core/proximal.js';
import { fixtures, modelOf } from '../fixtures/fixtures.js';
import { expectClose, expectValues, useRuntime } from './support.js';

const paths = await fixtures('minimum_norm');
const operators = await fixtures('proximal');

describe('the closest adversarial of a few steps', () => {
  const runtime = useRuntime({ threads: 1 });
  const each = paths.flatMap((item) => item.attacks.map((attack) => [attack.name, attack.norm, item, attack] as const));

  it.each(each)('of %s in %s is as in PyTorch', async (_name, _norm, item, { name, adversarial, ...options }) => {
    const model = await runtime().model(modelOf(item));
    await model.loadStateDict(item.stateDict);
    const { raw } = await model.attack(attacks[name](options as object), { x: item.x, labels: item.labels });
    expectClose(raw[0], adversarial, 1e-4);
  });
});

describe.each(operators)('the proximal operator of $norm', ({ norm, values, scale, weight, result }) => {
  const [rows, size] = values.shape;
  const row = ({ data }: typeof values, i: number): Float64Array =>
    Float64Array.from(data.subarray(i * size, (i + 1) * size));

  it('is as in PyTorch', () => {
    for (let i = 0; i < rows; i++) {
      const found = row(values, i);
      proximal[norm](found, row(scale, i), weight.data[i]);
      expectValues(found, row(result, i), 1e-6, `row ${i}`);
    }
  });

  it('leaves alone what costs nothing, and nothing of what is 0', () => {
    const found = row(values, 0);
    proximal[norm](found, row(scale, 0), 0);
    expect(found).toEqual(row(values, 0));
    const nothing = new Float64Array(size);
    proximal[norm](nothing, row(scale, 0), 0.5);
    expect(nothing.every((value) => value === 0)).toBe(true);
  });
});
