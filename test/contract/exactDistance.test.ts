/** Attacks of minimum norm where the shortest way is known: on linear models, in each of their norms. */
import { attacks, type Model, type Tensor, tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// The shortest way to a border inside the box, which has tests of its own.
import { projectionOf } from '../../dist/attacks/core/hyperplane.js';
import { type Attack, convexNorms, type Norm, norms } from './attackTable.js';
import { noise, useRuntime } from './support.js';
import { linear, linearSize as size } from './toys.js';

/** By how much a distance may be too long. */
const slack = 1.01; // in l0 none, for the next whole number is further

const climb = (norm: Norm): Attack =>
  attacks.pgd({ norm, loss: 'margin', steps: 20, earlyStop: true, randomStart: false });

function inEach<N extends Norm>(of: readonly N[], make: (norm: N) => Attack): Partial<Record<Norm, Attack>> {
  return Object.fromEntries(of.map((norm) => [norm, make(norm)]));
}

const searches: Readonly<Record<string, Partial<Record<Norm, Attack>>>> = {
  minimal: inEach(norms, (norm) => attacks.minimal(climb(norm), { steps: 14 })),
  deepFool: inEach(['linf', 'l2'], (norm) => attacks.deepFool({ norm, overshoot: 0 })),
  fab: inEach(convexNorms, (norm) => attacks.fab({ norm })),
  carliniWagner: { l2: attacks.carliniWagner() },
  ddn: { l2: attacks.ddn() },
  pdpgd: inEach(norms, (norm) => attacks.pdpgd({ norm, steps: 500 })),
  fmn: inEach(norms, (norm) => attacks.fmn({ norm })),
  sigmaZero: { l0: attacks.sigmaZero({ steps: 200 }) },
};

/** Pixels that must change for a linear function to become 0: those that win most on their way to a wall. */
function fewest(point: Float32Array, slope: Float32Array, gap: number): number {
  const ways = Array.from(point, (value, p) => Math.abs(slope[p]) * (slope[p] * gap > 0 ? value : 1 - value));
  ways.sort((a, b) => b - a);
  let left = Math.abs(gap);
  let count = 0;
  for (; left >= 0; count++) left -= ways[count];
  return count;
}

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
      const gap = data[2 * i + 1] - data[2 * i];
      return norm === 'l0'
        ? fewest(point, slope, gap)
        : projectionOf(norm, size)(point, slope, gap, new Float64Array(size));
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
