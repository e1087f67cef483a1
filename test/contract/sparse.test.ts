/** sigma-zero beside all that can be tried, where so few values can change that everything is. */
import { attacks, ConfigError, nn, type Tensor, tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError, noise, useRuntime } from './support.js';
import { stripes, trainedStripeNet } from './toys.js';

const size = 7;

/** All points whose values are those of `x`, or at a wall, by how many differ: no others matter to a linear model. */
function corners(x: Float32Array): number[][][] {
  const byCount: number[][][] = Array.from({ length: size + 1 }, () => []);
  const go = (from: number, point: number[], changed: number): void => {
    byCount[changed].push(point);
    for (let p = from; p < size; p++) for (const wall of [0, 1]) go(p + 1, point.with(p, wall), changed + 1);
  };
  go(0, Array.from(x), 0);
  return byCount;
}

describe('sigma-zero', () => {
  const runtime = useRuntime({ threads: 1, deterministic: true });

  it.each([2, 4])(
    'changes as few values as any corner of the box does, on a linear model of %i classes',
    async (classes) => {
      const layers = [nn.flatten(), nn.linear({ out: classes })];
      const model = await runtime().model(nn.sequential(layers, { input: [1, 1, size] }));
      const weight = noise(1, classes * size).map((value) => Math.sign(value) * (0.5 + Math.abs(value)));
      // All classes meet in the middle of the box.
      const bias = Array.from({ length: classes }, (_, j) =>
        weight.subarray(j * size, (j + 1) * size).reduce((sum, value) => sum - value / 2, 0),
      );
      await model.loadStateDict({ '1.weight': tensor(weight, [classes, size]), '1.bias': tensor(bias, [classes]) });
      const count = 40;
      // Some near the middle, some near the corner that one of the classes has for itself.
      const pixels = noise(5, count * size).map((value, at) => {
        const i = Math.floor(at / size);
        const towards = Math.sign(weight[(i % classes) * size + (at % size)]);
        return 0.5 + (0.1 * (i % 5) + 0.05) * towards + 0.05 * value;
      });
      const x: Tensor = tensor(pixels, [count, 1, 1, size]);
      const labels = Array.from(await model.predict(x));
      const { distances } = await model.attack(attacks.sigmaZero(), { x, labels });
      const fewest: number[] = [];
      for (const [i, label] of labels.entries()) {
        for (const [changed, points] of corners(pixels.subarray(i * size, (i + 1) * size)).entries()) {
          const answers = await model.predict(tensor(points.flat(), [points.length, 1, 1, size]));
          if (answers.every((answer) => answer === label)) continue;
          fewest.push(changed);
          break;
        }
      }
      expect(new Set(fewest).size).toBeGreaterThan(1);
      expect(Array.from(distances[0])).toEqual(fewest);
    },
  );

  it('asks a gradient a step, and none once one value is enough; undoes small changes', async () => {
    const model = await trainedStripeNet(runtime(), nn.relu());
    const data = stripes(12, 2);
    const clean = await model.predict(data.tensor());
    const steps = 60;
    const found = new Set<number>();
    for (const [i, label] of data.labels.entries()) {
      if (clean[i] !== label) continue;
      const x = data.tensor([i]);
      const { distances, queries, clipped } = await model.attack(attacks.sigmaZero({ steps }), { x, labels: [label] });
      const [distance] = distances[0];
      expect(queries.backward).toBe(queries.forward);
      if (distance === 1) expect(queries.forward).toBeLessThan(steps);
      else expect(queries.forward).toBe(steps);
      const sizes = clipped[0].data.map((value, p) => Math.abs(value - x.data[p])).filter((size) => size > 0);
      expect(sizes.length).toBe(distance);
      expect(Math.min(...sizes)).toBeGreaterThan(0.02);
      found.add(Math.min(distance, 2));
    }
    expect([...found].sort()).toEqual([1, 2]);
  });

  it('refuses options that are none', async () => {
    await expectError(() => attacks.sigmaZero({ sigma: 0 }), ConfigError, 'sigmaZero.sigma', '> 0', '0');
    await expectError(() => attacks.sigmaZero({ threshold: 2 }), ConfigError, 'sigmaZero.threshold', '<= 1', '2');
    await expectError(() => attacks.sigmaZero({ norm: 'l2' as 'l0' }), ConfigError, 'sigmaZero.norm', "'l0'", '"l2"');
  });
});
