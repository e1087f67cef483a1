/** Projections and steps in the balls, beside slow oracles and PyTorch. */
import { describe, expect, it } from 'vitest';
import { balls, clipToBox, projectInBox, sparseStep } from '../../dist/attacks/core/norms.js';
import { kthLargest } from '../../dist/attacks/core/sparse.js';
import { Random } from '../../dist/base/random.js';
import { expectClose, noise } from '../contract/support.js';
import { type BallCase, fixtures } from '../fixtures/fixtures.js';

const size = 40;

/** By bisection, in double precision: sizes that shrink by the same amount, each kept below its room. */
function shrunk(changes: number[], rooms: number[], epsilon: number): number[] {
  const at = (by: number) => changes.map((c, i) => Math.min(Math.max(Math.abs(c) - by, 0), rooms[i]));
  const sum = (by: number) => at(by).reduce((total, value) => total + value, 0);
  let [low, high] = [0, Math.max(...changes.map(Math.abs))];
  if (sum(0) <= epsilon) return at(0).map((value, i) => Math.sign(changes[i]) * value);
  for (let round = 0; round < 200; round++) {
    const middle = (low + high) / 2;
    if (sum(middle) > epsilon) low = middle;
    else high = middle;
  }
  return at(high).map((value, i) => Math.sign(changes[i]) * value);
}

/** A sample in the box and a point around it: some pixels at a wall, some unchanged, some changed by the same. */
function awkward(seed: number): { x: Float32Array; point: Float32Array } {
  const x = noise(2 * seed, size).map((value, i) => (i % 7 === 0 ? Number(value > 0) : (value + 1) / 2));
  const reach = 10 ** -(seed % 5);
  const point = noise(2 * seed + 1, size).map((value, i) => {
    if (i % 5 === 0) return x[i];
    return x[i] + reach * (i % 3 === 0 ? 0.5 : 2 * value);
  });
  return { x, point };
}

const lengthOf = {
  linf: (changes: number[]) => Math.max(...changes.map(Math.abs)),
  l2: (changes: number[]) => Math.sqrt(changes.reduce((sum, c) => sum + c * c, 0)),
  l1: (changes: number[]) => changes.reduce((sum, c) => sum + Math.abs(c), 0),
  l0: (changes: number[]) => changes.filter((c) => c !== 0).length,
};

const changesOf = (point: Float32Array, x: Float32Array): number[] => Array.from(point, (value, i) => value - x[i]);

const radii = [0, 1e-9, 1e-4, 0.03, 0.5, 3, 100];
const cases = await fixtures('apgd');

describe('the l1 ball', () => {
  it.each(cases.filter((item): item is BallCase => item.name.startsWith('projection')))(
    'is projected to as in PyTorch: $name',
    ({ x, points, epsilon, ball, boxed }) => {
      const projected = points.data.slice();
      balls.l1.project(projected, x.data, epsilon, x.shape[1]);
      expectClose({ shape: x.shape, data: projected }, ball, 1e-6);
      const inBox = points.data.slice();
      projectInBox(inBox, x.data, epsilon, x.shape[1]);
      expectClose({ shape: x.shape, data: inBox }, boxed, 1e-5);
    },
  );

  it('is projected to as by bisection, with ties, zeros and walls, at every radius', () => {
    for (let seed = 0; seed < 50; seed++) {
      const { x, point } = awkward(seed);
      const changes = changesOf(point, x);
      const rooms = changes.map((c, i) => (c > 0 ? 1 - x[i] : x[i]));
      for (const epsilon of radii) {
        const expected = shrunk(
          changes,
          changes.map(() => Number.POSITIVE_INFINITY),
          epsilon,
        );
        const projected = point.slice();
        balls.l1.project(projected, x, epsilon, size);
        const boxed = point.slice();
        projectInBox(boxed, x, epsilon, size);
        const inside = shrunk(changes, rooms, epsilon);
        for (let i = 0; i < size; i++) {
          expect(Math.abs(projected[i] - x[i] - expected[i])).toBeLessThan(1e-6);
          expect(Math.abs(boxed[i] - x[i] - inside[i])).toBeLessThan(1e-6);
        }
      }
    }
  });

  it('inside the box is closer than its projection that is clipped', () => {
    let closer = 0;
    for (let seed = 0; seed < 50; seed++) {
      const { x, point } = awkward(seed);
      const clipped = point.slice();
      balls.l1.project(clipped, x, 0.5, size);
      clipToBox(clipped);
      const boxed = point.slice();
      projectInBox(boxed, x, 0.5, size);
      const [near, far] = [boxed, clipped].map((to) => lengthOf.l2(changesOf(to, point)));
      expect(near).toBeLessThanOrEqual(far + 1e-6);
      closer += Number(near < far - 1e-4);
    }
    expect(closer).toBeGreaterThan(10);
  });

  it('is left by no step, which goes along the largest slopes that are no walls', () => {
    const x = Float32Array.from({ length: size }, () => 0.5);
    x[3] = 1;
    const gradient = noise(5, size);
    gradient[3] = 9;
    gradient[7] = -5;
    gradient[9] = 4;
    const point = x.slice();
    balls.l1.step(point, gradient, x, size, { stepSize: 0.2, epsilon: 1 });
    const changes = changesOf(point, x);
    // 5 % of 40 pixels.
    expect(changes.flatMap((c, i) => (c === 0 ? [] : [i]))).toEqual([7, 9]);
    expect(changes[7]).toBeCloseTo(-0.1, 6);
    expect(changes[9]).toBeCloseTo(0.1, 6);
    for (let step = 0; step < 20; step++) {
      balls.l1.step(point, noise(step, size), x, size, { stepSize: 0.3, epsilon: 0.7 });
      expect(lengthOf.l1(changesOf(point, x))).toBeLessThanOrEqual(0.7);
    }
  });

  it('has steps that share among equal slopes, and stay where there are none', () => {
    const point = new Float32Array(6);
    sparseStep(point, Float32Array.from([1, -1, 0, 0.5, 1, 0]), 2, 0.3);
    expect(Array.from(point, (value) => Math.round(10 * value))).toEqual([1, -1, 0, 0, 1, 0]);
    const still = new Float32Array(6);
    sparseStep(still, new Float32Array(6), 2, 0.3);
    expect([...still]).toEqual([0, 0, 0, 0, 0, 0]);
  });
});

/** All ways to let `most` of some values be what they are, and the others what `x` is. */
function* kept(count: number, most: number): Generator<readonly boolean[], void, void> {
  for (let bits = 0; bits < 2 ** count; bits++) {
    const flags = Array.from({ length: count }, (_, i) => ((bits >> i) & 1) === 1);
    if (flags.filter(Boolean).length <= most) yield flags;
  }
}

describe('the l0 ball', () => {
  const few = 9;

  it('and the box have no closer point than its projection that is clipped, as all of them show', () => {
    for (let seed = 0; seed < 40; seed++) {
      const [x, point] = Object.values(awkward(seed)).map((values) => values.subarray(0, few));
      for (const epsilon of [0, 1, 2, 5, 9, 12]) {
        const projected = point.slice();
        balls.l0.project(projected, x, epsilon, few);
        clipToBox(projected);
        const [count] = balls.l0.distances(projected, x, few);
        expect(count).toBeLessThanOrEqual(epsilon);
        const inBox = Array.from(point, (value) => Math.min(Math.max(value, 0), 1));
        const least = Math.min(
          ...Array.from(kept(few, epsilon), (flags) =>
            lengthOf.l2(
              changesOf(
                point,
                x.map((value, i) => (flags[i] ? inBox[i] : value)),
              ),
            ),
          ),
        );
        expect(Math.abs(lengthOf.l2(changesOf(projected, point)) - least)).toBeLessThan(1e-6);
      }
    }
  });

  it('leaves the values that do not count as they are to the bit, and takes the first of those that win as much', () => {
    const x = Float32Array.from([0.1, 0.25, 0.3, 0.5, 1, 0.75]);
    const point = Float32Array.from([0.9, 0.5, 0.3, 0.25, 7, 1]);
    const projected = point.slice();
    balls.l0.project(projected, x, 2, 6);
    // Three have moved by a quarter, one by nothing, and the one beyond the wall is at the wall.
    expect(projected).toEqual(Float32Array.from([0.9, 0.5, 0.3, 0.5, 1, 0.75]));
    const equal = Float32Array.from([0.5, 0.5, 0.5, 0.5]);
    const moved = Float32Array.from([0.75, 0.25, 0.75, 0.25]);
    balls.l0.project(moved, equal, 2, 4);
    expect(moved).toEqual(Float32Array.from([0.75, 0.25, 0.5, 0.5]));
  });

  it('counts the values of every sample that differ, by however little', () => {
    const x = Float32Array.from([0.1, 0.2, 0.3, 0, 0.5, 1]);
    const point = Float32Array.from([0.1, 0.2, 0.3, -0, 0.5 + 2 ** -24, 0]);
    expect(balls.l0.distances(point, x, 3)).toEqual(Float32Array.from([0, 2]));
  });

  it('is left by no step, which keeps what leads furthest', () => {
    const x = Float32Array.from({ length: size }, () => 0.5);
    const gradient = new Float32Array(size);
    gradient.set([1, -3, 2, 0, 4]);
    const point = x.slice();
    balls.l0.step(point, gradient, x, size, { stepSize: 1, epsilon: 2 });
    expect(
      changesOf(point, x)
        .slice(0, 6)
        .map((change) => Math.round(100 * change)),
    ).toEqual([0, -30, 0, 0, 40, 0]);
    for (let step = 0; step < 20; step++) {
      balls.l0.step(point, noise(step, size), x, size, { stepSize: 9, epsilon: 7 });
      expect(balls.l0.distances(point, x, size)[0]).toBe(7);
      expect(point.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    const still = point.slice();
    balls.l0.step(still, new Float32Array(size), x, size, { stepSize: 9, epsilon: 7 });
    expect(still).toEqual(point);
  });

  it('is filled by its random starts: as many values as may differ, everywhere, anywhere in the box', () => {
    const places = new Float64Array(size);
    let sum = 0;
    for (let i = 0; i < 2000; i++) {
      const x = new Float32Array(size).fill(2);
      const point = x.slice();
      balls.l0.start(point, 4, new Random(i, 1));
      for (const [at, value] of point.entries()) {
        if (value === 2) continue;
        expect(value >= 0 && value < 1).toBe(true);
        places[at]++;
        sum += value;
      }
      expect(balls.l0.distances(point, x, size)[0]).toBe(4);
    }
    for (const count of places) expect(Math.abs(count - 200)).toBeLessThan(70);
    expect(sum / 8000).toBeCloseTo(0.5, 1);
    const whole = new Float32Array(size).fill(2);
    balls.l0.start(whole, 1000, new Random(1, 1));
    expect(whole.every((value) => value < 1)).toBe(true);
  });
});

describe('every ball', () => {
  it.each(['linf', 'l2', 'l1', 'l0'] as const)(
    'is not left by rounding, and what is in it stays to the bit: %s',
    (norm) => {
      for (let seed = 0; seed < 50; seed++) {
        const { x, point } = awkward(seed);
        for (const epsilon of radii) {
          const projected = point.slice();
          balls[norm].project(projected, x, epsilon, size);
          // linf is a box whose walls are rounded themselves.
          const slack = norm === 'linf' ? 6e-8 : 0;
          expect(lengthOf[norm](changesOf(projected, x))).toBeLessThanOrEqual(epsilon + slack);
          if (epsilon === 0) expect(projected).toEqual(x);
          const again = projected.slice();
          balls[norm].project(again, x, epsilon, size);
          expect(again).toEqual(projected);
          if (norm !== 'l1') continue;
          const boxed = point.slice();
          projectInBox(boxed, x, epsilon, size);
          expect(lengthOf.l1(changesOf(boxed, x))).toBeLessThanOrEqual(epsilon);
          expect(boxed.every((value) => value >= 0 && value <= 1)).toBe(true);
          const still = boxed.slice();
          projectInBox(still, x, epsilon, size);
          balls.l1.project(still, x, epsilon, size);
          expect(still).toEqual(boxed);
        }
      }
    },
  );

  it.each(['linf', 'l2', 'l1'] as const)('is filled by its random starts: %s', (norm) => {
    const dimensions = 3;
    const inner = Array.from({ length: 2000 }, (_, i) => {
      const point = new Float32Array(dimensions);
      balls[norm].start(point, 2, new Random(i, 1));
      const length = lengthOf[norm]([...point]);
      expect(length).toBeLessThanOrEqual(2 + 1e-6);
      return length <= 1;
    }).filter(Boolean).length;
    // A ball of half the radius has an eighth of the volume.
    expect(inner / 2000).toBeGreaterThan(0.1);
    expect(inner / 2000).toBeLessThan(0.15);
  });
});

describe('the k-th largest', () => {
  it('is that of a sorted list', () => {
    for (let seed = 0; seed < 100; seed++) {
      const length = 1 + (seed % 33);
      const values = noise(seed, length).map((value) => (seed % 2 === 0 ? value : Math.round(2 * value) + 0));
      const sorted = [...values].sort((a, b) => b - a);
      for (let k = 1; k <= length; k++) expect(kthLargest(values.slice(), k)).toBe(sorted[k - 1]);
    }
  });
});
