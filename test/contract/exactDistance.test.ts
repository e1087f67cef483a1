/** Attacks of minimum norm where the shortest way is known: on linear models, in each of their norms. */
import { attacks, type Model, type Tensor, tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// The shortest way to a border inside the box, which has tests of its own.
import { projectionOf } from '../../dist/attacks/core/hyperplane.js';
import type { Attack, Norm } from './attackTable.js';
import { noise, useRuntime } from './support.js';
import { linear, linearSize as size } from './toys.js';

/** By how much a distance may be too long. */
const slack = 1.01;

const climb = (norm: Norm): Attack =>
  attacks.pgd({ norm, loss: 'margin', steps: 20, earlyStop: true, randomStart: false });

const searches: Readonly<Record<string, Partial<Record<Norm, Attack>>>> = {
  minimal: {
    linf: attacks.minimal(climb('linf'), { steps: 14 }),
    l2: attacks.minimal(climb('l2'), { steps: 14 }),
    l1: attacks.minimal(climb('l1'), { steps: 14 }),
  },
  deepFool: { linf: attacks.deepFool({ overshoot: 0 }), l2: attacks.deepFool({ norm: 'l2', overshoot: 0 }) },
  fab: { linf: attacks.fab(), l2: attacks.fab({ norm: 'l2' }), l1: attacks.fab({ norm: 'l1' }) },
  carliniWagner: { l2: attacks.carliniWagner() },
  ddn: { l2: attacks.ddn() },
  fmn: { linf: attacks.fmn(), l2: attacks.fmn({ norm: 'l2' }), l1: attacks.fmn({ norm: 'l1' }) },
};

const cases = Object.entries(searches).flatMap(([name, byNorm]) =>
  Object.entries(byNorm).map(([norm, attack]) => [name, norm as Norm, attack] as const),
);

describe('the distance that is found on a linear model', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });
  const count = 12;
  let model: Model;
  let x: Tensor;
  let labels: number[];
  let exact: (i: number, norm: Norm) => number;
  beforeAll(async () => {
    // With one border no attack can take a wrong one.
    const made = await linear(runtime(), 2);
    model = made.model;
    const slope = Float32Array.from({ length: size }, (_, p) => made.weight[size + p] - made.weight[p]);
    // Through the middle of the samples, half of which lie on each side.
    const middle = slope.reduce((sum, value) => sum + 0.5 * value, 0);
    await model.loadStateDict({ ...(await model.stateDict()), '1.bias': tensor([middle, 0], [2]) });
    const pixels = noise(9, count * size).map((value, at) => {
      const side = Math.floor(at / size) % 2 === 0 ? 1 : -1;
      return 0.5 + 0.05 * value + 0.08 * side * Math.sign(slope[at % size]);
    });
    x = tensor(pixels, [count, 1, 4, 4]);
    labels = Array.from(await model.predict(x));
    const { data } = await model.logits(x);
    exact = (i, norm) => {
      const point = x.data.subarray(i * size, (i + 1) * size);
      return projectionOf(norm, size)(point, slope, data[2 * i + 1] - data[2 * i], new Float64Array(size));
    };
  });

  it.each(cases)('is exact by %s in %s', async (_name, norm, attack) => {
    const { epsilons, success, distances, clipped, predictions } = await model.attack(attack, { x, labels });
    expect(epsilons).toEqual([Number.POSITIVE_INFINITY]);
    expect(predictions[0]).toEqual(await model.predict(clipped[0]));
    for (const i of labels.keys()) {
      expect(success[0][i]).toBe(true);
      expect(distances[0][i]).toBeGreaterThanOrEqual(exact(i, norm) * 0.9999);
      expect(distances[0][i]).toBeLessThanOrEqual(exact(i, norm) * slack);
    }
  });

  it.each(cases)('is exact by %s in %s on the way to targets', async (_name, norm, attack) => {
    const targets = labels.map((label) => 1 - label);
    const { distances, predictions } = await model.attack(attack, { x, labels, targets });
    expect(Array.from(predictions[0])).toEqual(targets);
    for (const i of labels.keys()) {
      expect(distances[0][i]).toBeLessThanOrEqual(exact(i, norm) * slack);
    }
  });
});
