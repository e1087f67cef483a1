/**
 * Random changes inside the ball, the baseline that every attack has to beat. Each costs one query, for the logits say
 * which to keep: the one with the largest margin. A sample that has reached its goal tries no more.
 */
import type { Random } from '../../base/random.js';
import { choice, descriptor, integer, type Output, optional, refined, tagged } from '../../base/schema.js';
import { type Attack, all, pick } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls, clipToBox, type Norm, norms } from '../core/norms.js';

/** See `attacks.noise`. */
export const noiseDescriptor = descriptor(
  refined(
    tagged('noise', {
      norm: fields.norm(norms),
      kind: optional(choice(['uniform', 'gaussian', 'saltPepper']), 'uniform'),
      repeats: optional(integer({ min: 1 }), 100),
    }),
    ({ norm, kind }) =>
      norm === 'l0' && kind === 'gaussian'
        ? `expected 'uniform' or 'saltPepper' in l0 (a direction has no length there), got '${kind}'`
        : undefined,
    'kind',
  ),
  { family: 'fixed', gradient: 'none' },
);

/** What `attacks.noise` makes: plain data, its options with the defaults filled in. */
export type NoiseSpec = Output<typeof noiseDescriptor.schema>;

export const noise: Attack<NoiseSpec> = function* ({ norm, kind, repeats }, { target, x, count, epsilon, random }) {
  const { size, classes, goal } = target;
  const change = kinds[kind];
  const ball = balls[norm];
  const result = x.slice();
  const margins = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  let active = all(count);
  for (let repeat = 0; repeat < repeats; repeat++) {
    active = target.afford(active, 1);
    if (active.length === 0) break;
    const points = pick(x, active, size);
    for (const [at, i] of active.entries()) {
      change(points.subarray(at * size, (at + 1) * size), norm, epsilon, random(i, repeat));
    }
    ball.project(points, pick(x, active, size), epsilon, size);
    clipToBox(points);
    const logits = yield* target.logits(points, active);
    for (const [at, i] of active.entries()) {
      const margin = goal.margin(logits.subarray(at * classes, (at + 1) * classes), i);
      if (margin <= margins[i]) continue;
      margins[i] = margin;
      result.set(points.subarray(at * size, (at + 1) * size), i * size);
    }
    const there = new Set(target.atGoal(logits, active));
    active = active.filter((_, at) => !there.has(at));
    yield (repeat + 1) / repeats;
  }
  return result;
};

/** What a change of a value takes of the ball, and the largest change for what is left of it. */
const prices: Readonly<Record<Norm, { of(size: number): number; most(left: number): number }>> = {
  linf: { of: () => 0, most: (left) => left },
  l2: { of: (size) => size ** 2, most: Math.sqrt },
  l1: { of: (size) => size, most: (left) => left },
  l0: { of: (size) => Number(size > 0), most: (left) => Math.min(left, 1) },
};

/** Changes a point at random, by `epsilon` or less. */
type Change = (point: Float32Array, norm: Norm, epsilon: number, random: Random) => void;

const kinds: Readonly<Record<NoiseSpec['kind'], Change>> = {
  uniform: (point, norm, epsilon, random) => balls[norm].start(point, epsilon, random),

  /** A normal direction, as far as the ball goes. */
  gaussian(point, norm, epsilon, random) {
    const direction = point.map(() => random.normal());
    const [length] = balls[norm].distances(direction, new Float32Array(point.length), point.length);
    for (let i = 0; i < point.length; i++) point[i] += (epsilon * direction[i]) / length;
  },

  /**
   * Values become 0 or 1, one after another: the last as far as it may, in linf all as far as they may, in l0 as many as may.
   */
  saltPepper(point, norm, epsilon, random) {
    const { of, most } = prices[norm];
    let left = norm === 'l2' ? epsilon ** 2 : epsilon;
    for (const i of random.permutation(point.length)) {
      const wish = (random.uniform() < 0.5 ? 0 : 1) - point[i];
      const size = Math.min(Math.abs(wish), most(left));
      point[i] += wish > 0 ? size : -size;
      left -= of(size);
      if (left <= 0) break;
    }
  },
};
