/** Augmentation: what each kind does to known pictures, mixtures and their loss, and the same bits wherever it is done. */
import {
  attacks,
  augment,
  ConfigError,
  createRuntime,
  datasets,
  type FitOptions,
  nn,
  optim,
  regimes,
  type Tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
// What goes into a step shows nowhere else.
import { Dataset } from '../../ts/data/dataset.js';
import { Batches } from '../../ts/train/batches.js';
import { expectAllClose, expectError, shared, useRuntime } from './support.js';
import { stripes } from './toys.js';

/** Pictures of 2x5x4 whose pixels are all different, and none of them 0. */
const count = 40;
const pixels = Float32Array.from({ length: count * 40 }, (_, i) => ((i % 40) + 1) / 50);
const pictures = datasets.fromTensors({
  images: { shape: [count, 2, 5, 4], data: pixels },
  labels: Array.from({ length: count }, (_, i) => i % 4),
  classes: 4,
});
const original = Array.from(pixels.subarray(0, 40));

type Spec = Pick<FitOptions, 'augment'>['augment'];
const batches = (list: Spec, seed = 0, batchSize = 16) =>
  new Batches(Dataset.fromPlain(pictures.toPlain()), { augment: list && [...list], batchSize, seed });
/** All pictures of the first epoch. */
function firstEpoch(list: Spec, seed = 0): number[][] {
  const source = batches(list, seed);
  const all: number[][] = [];
  for (let step = 0; step < source.perEpoch; step++) {
    const { x } = source.at(step);
    for (let at = 0; at < x.length; at += 40) all.push(Array.from(x.subarray(at, at + 40)));
  }
  return all;
}
const at = (picture: number[], c: number, y: number, x: number): number => picture[(c * 5 + y) * 4 + x];

/** The picture moved, with 0 where nothing was. */
function moved(down: number, right: number): number[] {
  return original.map((_, i) => {
    const [c, y, x] = [Math.floor(i / 20), Math.floor(i / 4) % 5, i % 4];
    const [from, column] = [y + down, x + right];
    return from < 0 || from > 4 || column < 0 || column > 3 ? 0 : at(original, c, from, column);
  });
}

describe('a picture', () => {
  it('is moved by up to the padding, each way as often', () => {
    const seen = new Map<string, number>();
    for (let seed = 0; seed < 10; seed++) {
      for (const picture of firstEpoch([augment.padCrop({ padding: 1 })], seed)) {
        let place: string | undefined;
        for (let down = -1; down <= 1; down++) {
          for (let right = -1; right <= 1; right++) {
            if (moved(down, right).every((value, i) => value === picture[i])) place = `${down},${right}`;
          }
        }
        expect(place).toBeDefined();
        seen.set(place as string, (seen.get(place as string) ?? 0) + 1);
      }
    }
    expect(seen.size).toBe(9);
    // 400 of them: 44 on average, and six standard deviations to spare.
    for (const times of seen.values()) expect(Math.abs(times - 400 / 9)).toBeLessThan(38);
  });

  it('that is moved out of sight is black', () => {
    const dark = firstEpoch([augment.padCrop({ padding: 60 })]).filter((picture) =>
      picture.every((value) => value === 0),
    );
    expect(dark.length).toBeGreaterThan(30);
  });

  it('is mirrored with its probability', () => {
    const mirrored = original.map((_, i) => original[i - (i % 4) + 3 - (i % 4)]);
    for (const [p, least, most] of [
      [0, 0, 0],
      [1, 40, 40],
      [0.5, 8, 32],
    ]) {
      const all = firstEpoch([augment.flip({ p })]);
      const times = all.filter((picture) => picture.every((value, i) => value === mirrored[i])).length;
      expect(all.filter((picture) => picture.every((value, i) => value === original[i])).length).toBe(40 - times);
      expect(times).toBeGreaterThanOrEqual(least);
      expect(times).toBeLessThanOrEqual(most);
    }
  });

  it('loses a square in all channels, cut at the border', () => {
    const sizes = new Set<number>();
    for (const picture of [0, 1, 2, 3].flatMap((seed) => firstEpoch([augment.cutOut({ size: 2 })], seed))) {
      const gone = original.map((_, i) => i).filter((i) => picture[i] === 0);
      for (const [i, value] of picture.entries()) expect(value).toBe(gone.includes(i) ? 0 : original[i]);
      const places = gone.filter((i) => i < 20);
      expect(gone).toEqual([...places, ...places.map((i) => i + 20)]);
      const rows = places.map((i) => Math.floor(i / 4));
      const columns = places.map((i) => i % 4);
      const [height, width] = [rows, columns].map((list) => Math.max(...list) - Math.min(...list) + 1);
      expect(height).toBeLessThanOrEqual(2);
      expect(places.length).toBe(height * width);
      sizes.add(places.length);
    }
    expect([...sizes].sort()).toEqual([1, 2, 4]);
  });
});

describe('a mixture', () => {
  const runtime = useRuntime();

  it('is that of pictures and of their targets, with shares that come out as Beta says', () => {
    const plain = batches(undefined);
    for (const alpha of [0.2, 1, 8]) {
      const source = batches([augment.mixUp({ alpha })]);
      const shares: number[] = [];
      for (let step = 0; step < 900; step++) {
        const { x, targets } = source.at(step);
        const before = plain.at(step);
        expect(targets.labels).toEqual(before.targets.labels);
        const share = targets.mixed?.shares[0] as number;
        shares.push(share);
        if (step > 3) continue;
        expect(new Set(targets.mixed?.shares)).toEqual(new Set([share]));
        // All pictures are alike, whatever is mixed.
        expect(Math.abs(x[7] - before.x[7])).toBeLessThan(1e-6);
        expect(targets.mixed?.labels.toSorted()).toEqual(before.targets.labels.toSorted());
      }
      const mean = shares.reduce((a, b) => a + b) / shares.length;
      const variance = shares.reduce((sum, share) => sum + (share - mean) ** 2, 0) / shares.length;
      // Of Beta(a, a): 1/2, and 1 / (4 (2 a + 1)).
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.06);
      expect(variance * 4 * (2 * alpha + 1)).toBeGreaterThan(0.85);
      expect(variance * 4 * (2 * alpha + 1)).toBeLessThan(1.15);
    }
  });

  it('has the gradients of both classes by their shares', async () => {
    const spec = nn.sequential([nn.flatten(), nn.linear({ out: 4 })], { input: [2, 5, 4] });
    const options = { epochs: 1, batchSize: 40, seed: 6 };
    const { x, targets } = batches([augment.mixUp({ alpha: 1 })], 6, 40).at(0);
    const { mixed } = targets;
    if (mixed === undefined) throw new Error('expected a mixture');
    const [share] = mixed.shares;
    const model = await runtime().model(spec, { seed: 1 });
    const before = await model.stateDict();
    const tensor: Tensor = { shape: [40, 2, 5, 4], data: x };
    const first = await model.parameterGradients(tensor, targets.labels);
    const second = await model.parameterGradients(tensor, mixed.labels);
    let loss = 0;
    const optimizer = optim.sgd({ lr: 0.5 });
    const run = model.fit(pictures, { ...options, optimizer, augment: [augment.mixUp({ alpha: 1 })] });
    for await (const event of run) if (event.type === 'batch') loss = event.loss;
    expect(loss).toBeCloseTo(share * first.loss + (1 - share) * second.loss, 5);
    const expected = Object.entries(before).map(([name, { shape, data }]): [string, Tensor] => {
      const [one, other] = [first, second].map(({ gradients }) => gradients[name].data);
      return [name, { shape, data: data.map((value, i) => value - 0.5 * (share * one[i] + (1 - share) * other[i])) }];
    });
    expectAllClose(await model.stateDict(), Object.fromEntries(expected), 1e-5);
  });

  it('is refused twice, and where an attack needs one class', async () => {
    const model = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 4 })], { input: [2, 5, 4] }));
    const common = { epochs: 1, optimizer: optim.adam() };
    const mix = augment.mixUp({ alpha: 1 });
    await expectError(
      () => model.fit(pictures, { ...common, augment: [mix, mix] }),
      ConfigError,
      'fit.augment',
      'one mixture',
    );
    const regime = regimes.adversarial(attacks.fgsm(), { epsilon: 0.1 });
    await expectError(() => model.fit(pictures, { ...common, regime, augment: [mix] }), ConfigError, 'adversarial');
  });
});

describe('random numbers', () => {
  it('differ from epoch to epoch, and from seed to seed', () => {
    const list = [augment.padCrop({ padding: 2 }), augment.flip(), augment.cutOut({ size: 2 })];
    const source = batches(list, 1, 40);
    const same = (a: Float32Array, b: Float32Array) => a.every((value, i) => value === b[i]);
    expect(same(source.at(0).x, source.at(1).x)).toBe(false);
    expect(same(source.at(0).x, batches(list, 2, 40).at(0).x)).toBe(false);
    expect(same(source.at(1).x, batches(list, 1, 40).at(1).x)).toBe(true);
  });

  it('are the same for any number of threads, beside the engine or in it', async () => {
    const data = stripes(50, 1);
    const spec = nn.sequential(
      [nn.conv2d({ out: 4, kernel: 3, padding: 1 }), nn.kwta({ gamma: 0.5 }), nn.flatten(), nn.linear({ out: 3 })],
      { input: [1, 8, 8] },
    );
    const options = {
      epochs: 3,
      batchSize: 8,
      optimizer: optim.adam({ lr: 0.01 }),
      augment: [augment.padCrop({ padding: 1 }), augment.flip(), augment.mixUp({ alpha: 0.5 })],
    };
    const states: Record<string, Tensor>[] = [];
    for (const settings of [{ variant: 'simd' } as const, ...(shared ? [{ threads: 3, deterministic: true }] : [])]) {
      await using runtime = await createRuntime(settings);
      const model = await runtime.model(spec, { seed: 1 });
      const history = await model.fit(data, options);
      expect(history.warnings).toBeUndefined();
      states.push(await model.stateDict());
    }
    for (const state of states) expect(state).toEqual(states[0]);
  });
});
