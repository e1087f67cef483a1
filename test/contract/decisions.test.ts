/** Attacks that see decisions alone: how near they come, what they do not see, and what they say where there is no start. */
import { attacks, type Model, nn, type Tensor, tensor } from 'kwta';
import { beforeAll, describe, expect, it } from 'vitest';
// Exact distances; its own tests are in hyperplane.test.ts.
import { projectionOf } from '../../dist/attacks/core/hyperplane.js';
import type { Attack } from './attackTable.js';
import { noise, useRuntime } from './support.js';
import {
  linearClasses as classes,
  greys,
  linear,
  linearSize as size,
  slope,
  stripes,
  trainedStripeNet,
} from './toys.js';

type Norm = 'linf' | 'l2' | 'l1';

interface Row {
  attack: Attack;
  /** Share of the exact distance that it may be too far, given 20,000 queries. */
  within: number;
  /** Shares its queries out beforehand, and need not ask the last ones. */
  plans?: boolean;
}

const rows: [name: string, Norm, Row][] = [
  ['boundary', 'l2', { attack: attacks.boundary(), within: 0.01 }],
  ['geoDa', 'linf', { attack: attacks.geoDa(), within: 0.01, plans: true }],
  ['geoDa', 'l2', { attack: attacks.geoDa({ norm: 'l2' }), within: 0.01, plans: true }],
  ['geoDa', 'l1', { attack: attacks.geoDa({ norm: 'l1' }), within: 0.01, plans: true }],
  ['hopSkipJump', 'l2', { attack: attacks.hopSkipJump({ norm: 'l2' }), within: 0.01 }],
  ['hopSkipJump', 'linf', { attack: attacks.hopSkipJump(), within: 0.01 }],
  ['rays', 'linf', { attack: attacks.rays(), within: 0.01 }],
  ['signOpt', 'l2', { attack: attacks.signOpt(), within: 0.01 }],
];

describe('attacks by decisions on a linear model', () => {
  const runtime = useRuntime({ threads: 1 });
  const count = 4;
  const x: Tensor = { shape: [count, 1, 4, 4], data: noise(9, count * size).map((value) => 0.5 + 0.05 * value) };
  let model: Model;
  let weight: Float32Array;
  let labels: number[];
  let logits: Float32Array;
  beforeAll(async () => {
    ({ model, weight } = await linear(runtime()));
    labels = Array.from(await model.predict(x));
    logits = (await model.logits(x)).data;
  });

  /** Distance inside the box to where class `to` wins over the given one. */
  const distanceTo = (i: number, to: number, norm: Norm): number => {
    const own = labels[i];
    const slope = Float32Array.from({ length: size }, (_, p) => weight[own * size + p] - weight[to * size + p]);
    const gap = logits[i * classes + own] - logits[i * classes + to];
    return projectionOf(norm, size)(x.data.subarray(i * size, (i + 1) * size), slope, gap, new Float64Array(size));
  };

  it.each(rows)('%s in %s finds the exact distance', async (_, norm, { attack, within }) => {
    const { distances, success, queries } = await model.attack(attack, { x, labels, maxQueries: 20_000 });
    expect(success[0].every(Boolean)).toBe(true);
    expect(queries.backward).toBe(0);
    for (const i of labels.keys()) {
      const others = Array.from({ length: classes }, (_, j) => j).filter((j) => j !== labels[i]);
      const exact = Math.min(...others.map((j) => distanceTo(i, j, norm)));
      expect(distances[0][i]).toBeGreaterThanOrEqual(exact * 0.9999);
      expect(distances[0][i] / exact).toBeLessThanOrEqual(1 + within);
    }
  });

  it.each(rows)('%s in %s goes to its targets', async (_, norm, { attack }) => {
    const targets = labels.map((label) => (label + 2) % classes);
    const { predictions, distances } = await model.attack(attack, { x, labels, targets, maxQueries: 5000 });
    expect(Array.from(predictions[0])).toEqual(targets);
    for (const i of labels.keys()) {
      expect(distances[0][i]).toBeGreaterThanOrEqual(0.9999 * distanceTo(i, targets[i], norm));
    }
  });

  it.each(rows)('%s in %s sees no more of the logits than which is largest', async (_name, _norm, { attack }) => {
    const twin = await runtime().model(model.spec);
    const state = await model.stateDict();
    // Twice as large, to the bit, and so are all differences.
    const doubled = Object.entries(state).map(([name, { shape, data }]) => {
      return [name, { shape, data: data.map((value) => 2 * value) }] as const;
    });
    await twin.loadStateDict(Object.fromEntries(doubled));
    const options = { x, labels, maxQueries: 300 };
    const [one, other] = [await model.attack(attack, options), await twin.attack(attack, options)];
    expect(other.raw[0]).toEqual(one.raw[0]);
    expect(one.success[0]).toContain(true);
  });

  it.each(rows)(
    '%s in %s ends with its last query, the closest so far in hand',
    async (_name, _norm, { attack, plans }) => {
      let before = new Array<number>(count).fill(Number.POSITIVE_INFINITY);
      for (const maxQueries of [20, 61, 400]) {
        const { distances, queries } = await model.attack(attack, { x, labels, maxQueries });
        if (plans) expect(queries.forward).toBeLessThanOrEqual(count * maxQueries);
        else expect(queries.forward).toBe(count * maxQueries);
        const now = Array.from(distances[0]);
        expect(now.every((distance, i) => distance <= before[i])).toBe(true);
        before = now;
      }
      expect(Math.max(...before)).toBeLessThan(1);
    },
  );
});

describe.each(rows)('%s in %s', (_name, _norm, { attack }) => {
  const runtime = useRuntime({ threads: 1 });

  it('breaks a k-WTA network', async () => {
    const model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const data = stripes(6, 2);
    const { success, predictions, clipped } = await model.attack(attack, {
      x: data.tensor(),
      labels: data.labels,
      maxQueries: 500,
    });
    expect(success[0].filter(Boolean).length).toBe(6);
    expect(predictions[0]).toEqual(await model.predict(clipped[0]));
  });

  it('does not take a sample for robust that it found no place to begin for', async () => {
    const model = await slope(runtime());
    const state = await model.stateDict();
    const flat = { shape: [2, size], data: new Float32Array(2 * size) };
    await model.loadStateDict({ ...state, '1.weight': flat, '1.bias': tensor([1, 0], [2]) });
    const data = greys(2);
    const options = { x: data.tensor(), labels: data.labels };
    const { success, failures, distances, warnings } = await model.attack(attack, options);
    expect(success[0]).toEqual([false, false]);
    expect(Array.from(distances[0])).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
    expect(failures?.[0].map(({ samples }) => samples)).toEqual([[0, 1]]);
    expect(failures?.[0][0].reason).toContain('nowhere to begin');
    expect(warnings[0].join()).toContain('2 of 2 samples could not be attacked');
    const short = await model.attack(attack, { ...options, maxQueries: 3 });
    expect(short.failures?.[0][0].reason).toContain('before its queries ended');
  });
});
