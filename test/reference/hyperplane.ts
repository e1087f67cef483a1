/** The shortest move of a point onto a hyperplane inside the box [0, 1], in plain words. */

export type Norm = 'linf' | 'l2' | 'l1';

/** A linear function by its value at a point, which is to become 0, and its slope. */
export interface Problem {
  point: Float32Array;
  slope: Float32Array;
  gap: number;
}

/** Length of a change. */
export const lengthOf = (move: ArrayLike<number>, norm: Norm): number => {
  const sizes = Array.from(move, Math.abs);
  if (norm === 'linf') return Math.max(0, ...sizes);
  return norm === 'l2' ? Math.hypot(...sizes) : sizes.reduce((sum, value) => sum + value, 0);
};

/** By how much a move changes the linear function. */
export const won = ({ slope }: Problem, move: ArrayLike<number>): number =>
  slope.reduce((sum, value, i) => sum + value * move[i], 0);

/** Moves against the slope by `wanted(i)`, as far as the walls allow. */
const against = ({ point, slope, gap }: Problem, wanted: (i: number) => number): number[] =>
  Array.from(point, (value, i) => {
    const down = slope[i] * Math.sign(gap) > 0;
    if (slope[i] === 0 || gap === 0) return 0;
    return down ? -Math.min(wanted(i), value) : Math.min(wanted(i), 1 - value);
  });

/** By 200 halvings of the level in linf and l2, by sorting the slopes in l1; to the nearest corner if none meets the plane. */
export function naiveMove(problem: Problem, norm: Norm): number[] {
  const { slope, gap } = problem;
  const corner = against(problem, () => 2);
  if (Math.abs(won(problem, corner)) <= Math.abs(gap)) return corner;
  if (norm === 'l1') {
    const move = new Array<number>(slope.length).fill(0);
    let left = Math.abs(gap);
    for (const i of Array.from(slope.keys()).sort((a, b) => Math.abs(slope[b]) - Math.abs(slope[a]) || a - b)) {
      const share = Math.min(Math.abs(corner[i]), left / Math.abs(slope[i]));
      if (left <= 0) break;
      move[i] = share * Math.sign(corner[i]);
      left -= share * Math.abs(slope[i]);
    }
    return move;
  }
  const at = (level: number) => against(problem, (i) => (norm === 'l2' ? level * Math.abs(slope[i]) : level));
  let [low, high] = [0, 1e12];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (Math.abs(won(problem, at(middle))) < Math.abs(gap)) low = middle;
    else high = middle;
  }
  return at(high);
}
