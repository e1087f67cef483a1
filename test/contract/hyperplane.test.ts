/** The shortest move onto a hyperplane inside the box: against bisection and sorting in plain words. */
import { describe, expect, it } from 'vitest';
// No result of an attack shows a projection alone.
import { dualLength, projectionOf } from '../../dist/attacks/core/hyperplane.js';
import { fixtures } from '../fixtures/fixtures.js';
import { lengthOf, naiveMove, type Problem, won } from '../reference/hyperplane.js';
import { expectValues, noise } from './support.js';

const norms = ['linf', 'l2', 'l1'] as const;

/** Problems of many kinds: pixels at walls, slopes that are zero, equal or of very different sizes, gaps of either sign. */
const problems: Problem[] = Array.from({ length: 400 }, (_, run) => {
  const size = [1, 2, 3, 7, 16, 33, 64][run % 7];
  const [a, b, c] = [noise(3 * run + 1, size), noise(3 * run + 2, size), noise(3 * run + 3, 4)];
  const point = a.map((value) => (run % 3 === 0 ? Math.round(0.5 + 0.5 * value) : 0.5 + 0.5 * value));
  const slope = b.map((value, i) => {
    if (run % 4 === 1) return Math.sign(value) / 4;
    if (run % 4 === 2) return value ** 9;
    return run % 4 === 3 && i % 3 === 0 ? 0 : value;
  });
  const most = slope.reduce((sum, value) => sum + Math.abs(value), 0);
  return { point, slope, gap: most * c[0] * [0.02, 0.3, 1.2][run % 3] };
});

it.each(await fixtures('fab_projections'))('a move onto a hyperplane is that of AutoAttack in $norm', (item) => {
  const [rows, size] = item.x.shape;
  const project = projectionOf(item.norm, size);
  const move = new Float64Array(size);
  for (let i = 0; i < rows; i++) {
    const row = ({ data }: typeof item.x) => data.subarray(i * size, (i + 1) * size);
    const length = project(row(item.x), row(item.slope), item.gap.data[i], move);
    expectValues(move, row(item.move), 1e-6, `row ${i}`);
    expect(length).toBeCloseTo(lengthOf(row(item.move), item.norm), 5);
  }
});

describe.each(norms)('a move onto a hyperplane in %s', (norm) => {
  const projections = new Map([1, 2, 3, 7, 16, 33, 64].map((size) => [size, projectionOf(norm, size)]));
  const project = (problem: Problem): { move: Float64Array; length: number } => {
    // What was there before must not matter.
    const move = new Float64Array(problem.point.length).fill(Number.NaN);
    const apply = projections.get(problem.point.length);
    if (apply === undefined) throw new TypeError('a size without a projection');
    return { length: apply(problem.point, problem.slope, problem.gap, move), move };
  };

  it('is that of the naive way, and says its length', () => {
    let met = 0;
    for (const [run, problem] of problems.entries()) {
      const { move, length } = project(problem);
      const expected = naiveMove(problem, norm);
      for (const [i, value] of expected.entries()) {
        expect(Math.abs(move[i] - value), `problem ${run}, pixel ${i}: ${move[i]}, ${value}`).toBeLessThan(1e-7);
      }
      expect(length).toBeCloseTo(lengthOf(expected, norm), 6);
      met += Number(Math.abs(won(problem, move) + problem.gap) < 1e-9);
    }
    // Both kinds occur: hyperplanes that meet the box, and those that do not.
    expect(met).toBeGreaterThan(150);
    expect(met).toBeLessThan(400);
  });

  it('stays in the box, and none of a thousand other moves to the hyperplane is shorter', () => {
    for (const [run, problem] of problems.slice(0, 60).entries()) {
      const { move, length } = project(problem);
      for (const [i, value] of problem.point.entries()) {
        expect(value + move[i]).toBeGreaterThanOrEqual(-1e-12);
        expect(value + move[i]).toBeLessThanOrEqual(1 + 1e-12);
      }
      if (Math.abs(won(problem, move) + problem.gap) > 1e-9) continue;
      for (let other = 0; other < 1000 / 60; other++) {
        // Another point of the box, whose segment to this one's other side meets the hyperplane.
        const end = noise(1000 * run + other, problem.point.length).map(
          (value, i) => 0.5 + 0.5 * value - problem.point[i],
        );
        const share = -problem.gap / won(problem, end);
        if (!(share >= 0 && share <= 1)) continue;
        const meets = end.map((value) => share * value);
        expect(lengthOf(meets, norm)).toBeGreaterThanOrEqual(length - 1e-6);
      }
    }
  });

  it('is nothing on the hyperplane, and nothing without a slope', () => {
    const point = Float32Array.of(0.2, 0, 1);
    for (const problem of [
      { point, slope: Float32Array.of(1, -2, 3), gap: 0 },
      { point, slope: new Float32Array(3), gap: 4 },
    ]) {
      const { move, length } = project(problem);
      expect(Array.from(move, Math.abs)).toEqual([0, 0, 0]);
      expect(length).toBe(0);
    }
  });

  it('is as long as the gap over the dual length, where no wall is near', () => {
    const slope = noise(5, 16);
    const { length } = project({ point: new Float32Array(16).fill(0.5), slope, gap: -0.1 });
    expect(length).toBeCloseTo(0.1 / dualLength(slope, norm), 12);
  });
});
