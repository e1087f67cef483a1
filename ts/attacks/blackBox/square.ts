/**
 * Square (Andriushchenko, Croce, Flammarion & Hein 2020; l1: Croce & Hein 2021): random search that looks at logits only.
 * Each query changes a square window of the image, and the change stays when the margin grows. Windows shrink on a
 * schedule. In linf a window is set to the edge of the ball; in l2 and l1 it gets a bump whose length another window
 * gives up.
 */

import type { Random } from '../../base/random.js';
import { descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import type { Features } from '../../ops/op.js';
import { type Attack, all, asPart, type Batch, pick, put } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls, clipToBox, projectInBox } from '../core/norms.js';

/** See `attacks.square`. */
export const squareDescriptor = descriptor(
  tagged('square', {
    norm: fields.norm(),
    queries: optional(integer({ min: 1 }), 5000),
    /** Share of the image that the first windows cover. */
    p: optional(number({ above: 0, max: 1 }), 0.8),
    restarts: optional(integer({ min: 1 }), 1),
  }),
  { family: 'fixed', gradient: 'search' },
);

/** What `attacks.square` makes: plain data, its options with the defaults filled in. */
export type SquareSpec = Output<typeof squareDescriptor.schema>;

/** Where the share is halved, in 10,000ths of the budget. */
const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

/** Share of the image that the window of a query covers. */
export function windowShare(p: number, query: number, queries: number): number {
  const at = Math.floor((query / queries) * 10_000);
  return p / 2 ** halvings.filter((limit) => at > limit).length;
}

export const square: Attack<SquareSpec> = function* (spec, batch) {
  const { target, x } = batch;
  const { size } = target;
  const result = x.slice();
  let left = all(batch.count);
  for (let restart = 0; restart < spec.restarts && left.length > 0; restart++) {
    const { points, failed } = yield* asPart(searchFrom(spec, batch, left, restart), restart, spec.restarts);
    put(result, left, points, size);
    left = failed;
  }
  return result;
};

/** A sample that is still searched: its number, its place among the points, its random numbers. */
interface Searched {
  i: number;
  at: number;
  random: Random;
  margin: number;
}

/** One search for each of the samples, from a random start; the best points, and the samples that have not reached their goal. */
function* searchFrom(
  { norm, queries, p }: SquareSpec,
  { target, x, epsilon, random }: Batch,
  samples: readonly number[],
  restart: number,
): Generator<number | undefined, { points: Float32Array; failed: number[] }, void> {
  const { size, classes, goal, input } = target;
  const moves = searches[norm](input, epsilon);
  const points = pick(x, samples, size);
  const row = (values: Float32Array, at: number) => values.subarray(at * size, (at + 1) * size);
  let running: Searched[] = samples.map((i, at) => ({ i, at, random: random(i, restart), margin: -Infinity }));
  for (let query = 0; query < queries; query++) {
    running = running.filter(({ i }) => target.left(i) >= 1);
    if (running.length === 0) break;
    const share = windowShare(p, query, queries);
    const candidates = new Float32Array(running.length * size);
    for (const [c, { i, at, random: own }] of running.entries()) {
      const candidate = row(candidates, c);
      candidate.set(row(points, at));
      if (query > 0) moves.propose(candidate, row(x, i), share, own);
      else moves.start(candidate, row(x, i), own);
    }
    const logits = yield* target.logits(
      candidates,
      running.map(({ i }) => i),
    );
    for (const [c, sample] of running.entries()) {
      const margin = goal.margin(logits.subarray(c * classes, (c + 1) * classes), sample.i);
      if (query > 0 && margin <= sample.margin) continue;
      sample.margin = margin;
      row(points, sample.at).set(row(candidates, c));
    }
    running = running.filter(({ margin }) => margin <= 0);
    yield (query + 1) / queries;
  }
  return { points, failed: running.map(({ i }) => i) };
}

/** How the points of one sample move; both change `point` in place and leave it in the ball and the box. */
interface Search {
  start(point: Float32Array, x: Float32Array, random: Random): void;
  propose(point: Float32Array, x: Float32Array, share: number, random: Random): void;
}

const sign = (random: Random): 1 | -1 => ((random.uint32() & 1) === 0 ? 1 : -1);

/** Side of a window, at most that of the image. */
function sideOf({ h, w }: Features, share: number, least: number): number {
  return Math.min(Math.max(Math.round(Math.sqrt(share * h * w)), least), h, w);
}

/** Tries for a window that changes anything, before a query is spent on one that does not. */
const tries = 32;

function linf({ c, h, w }: Features, epsilon: number): Search {
  const at = (point: Float32Array, x: Float32Array, place: number, towards: 1 | -1): boolean => {
    const value = Math.fround(Math.min(Math.max(Math.fround(x[place] + towards * epsilon), 0), 1));
    const changes = point[place] !== value;
    point[place] = value;
    return changes;
  };
  return {
    start(point, x, random) {
      for (let channel = 0; channel < c; channel++) {
        for (let column = 0; column < w; column++) {
          const towards = sign(random);
          for (let line = 0; line < h; line++) at(point, x, (channel * h + line) * w + column, towards);
        }
      }
    },
    propose(point, x, share, random) {
      const side = sideOf({ c, h, w }, share, 1);
      let changed = false;
      for (let round = 0; round < tries && !changed; round++) {
        const top = random.integer(h - side + 1);
        const left = random.integer(w - side + 1);
        for (let channel = 0; channel < c; channel++) {
          const towards = sign(random);
          for (let line = top; line < top + side; line++) {
            for (let column = left; column < left + side; column++) {
              changed = at(point, x, (channel * h + line) * w + column, towards) || changed;
            }
          }
        }
      }
    },
  };
}

/** A window: rows from `top`, columns from `left`. */
interface Window {
  top: number;
  left: number;
}

/** A norm in which sizes add up: of changes (l1), or of their squares (l2). */
interface Sum {
  sizeOf(change: number): number;
  /** Of sizes that have this sum. */
  length(sum: number): number;
  /** The sum that has this length. */
  sumOf(length: number): number;
  /** Rings of a bump count by this power of their number less. */
  falls: number;
  /** Brings a point that lies anywhere into the ball, near its edge. */
  finish(point: Float32Array, x: Float32Array, epsilon: number): void;
}

const sums: Readonly<Record<'l1' | 'l2', Sum>> = {
  l1: {
    sizeOf: Math.abs,
    length: (sum) => sum,
    sumOf: (length) => length,
    falls: 4,
    finish: (point, x, epsilon) => projectInBox(point, x, epsilon, point.length),
  },
  l2: {
    sizeOf: (change) => change * change,
    length: Math.sqrt,
    sumOf: (length) => length * length,
    falls: 2,
    finish(point, x, epsilon) {
      const [distance] = balls.l2.distances(point, x, point.length);
      const scale = distance === 0 ? 1 : epsilon / distance;
      for (let i = 0; i < point.length; i++) point[i] = x[i] + (point[i] - x[i]) * scale;
      balls.l2.project(point, x, epsilon, point.length);
      clipToBox(point);
    },
  },
};

/** Search in a ball of such a norm. */
function additive({ c, h, w }: Features, epsilon: number, norm: 'l1' | 'l2'): Search {
  const sum = sums[norm];
  const { sizeOf, length, sumOf } = sum;
  const bumps = new Map<number, readonly Float64Array[]>();
  const bumpOf = (side: number, random: Random): Float64Array => {
    const both = bumps.get(side) ?? bumpsOf(side, sum);
    bumps.set(side, both);
    return both[random.uint32() >>> 31];
  };
  const change = new Float64Array(c * h * w);
  const finish = (point: Float32Array, x: Float32Array): void => {
    for (let i = 0; i < point.length; i++) point[i] = x[i] + change[i];
    sum.finish(point, x, epsilon);
  };
  /** Sum of the sizes inside some lines and columns of a channel. */
  const within = (channel: number, top: number, left: number, bottom: number, right: number): number => {
    let total = 0;
    for (let line = top; line < bottom; line++) {
      const row = (channel * h + line) * w;
      for (let place = row + left; place < row + right; place++) total += sizeOf(change[place]);
    }
    return total;
  };
  const inside = (channel: number, { top, left }: Window, side: number) =>
    within(channel, top, left, top + side, left + side);
  /** What lies in both windows, counted once. */
  const inEither = (channel: number, one: Window, other: Window, side: number): number => {
    const top = Math.max(one.top, other.top);
    const left = Math.max(one.left, other.left);
    const [bottom, right] = [Math.min(one.top, other.top) + side, Math.min(one.left, other.left) + side];
    const common = within(channel, top, left, bottom, right);
    return Math.max(inside(channel, one, side) + inside(channel, other, side) - common, 0);
  };
  return {
    start(point, x, random) {
      change.fill(0);
      const side = Math.max(1, Math.floor(Math.min(h, w) / 5));
      const bump = bumpOf(side, random);
      const first = (extent: number): number => Math.floor((extent % side) / 2);
      for (let top = first(h); top + side <= h; top += side) {
        for (let left = first(w); left + side <= w; left += side) {
          for (let channel = 0; channel < c; channel++) {
            const towards = sign(random);
            for (let at = 0; at < bump.length; at++) {
              const line = top + Math.floor(at / side);
              change[(channel * h + line) * w + left + (at % side)] = towards * bump[at];
            }
          }
        }
      }
      finish(point, x);
    },
    propose(point, x, share, random) {
      const wanted = sideOf({ c, h, w }, share, 3);
      const side = wanted % 2 === 0 && wanted < Math.min(h, w) ? wanted + 1 : wanted;
      const anywhere = (): Window => ({ top: random.integer(h - side + 1), left: random.integer(w - side + 1) });
      const [gets, gives] = [anywhere(), anywhere()];
      const bump = bumpOf(side, random);
      let used = 0;
      for (let i = 0; i < point.length; i++) {
        change[i] = point[i] - x[i];
        used += sizeOf(change[i]);
      }
      const unused = Math.max(sumOf(epsilon) - used, 0);
      const shape = new Float64Array(bump.length);
      for (let channel = 0; channel < c; channel++) {
        const placeOf = ({ top, left }: Window, line: number) => (channel * h + top + line) * w + left;
        const both = inEither(channel, gets, gives, side);
        const old = length(inside(channel, gets, side));
        const towards = sign(random);
        let own = 0;
        for (let line = 0, at = 0; line < side; line++) {
          for (let place = placeOf(gets, line), end = place + side; place < end; place++, at++) {
            shape[at] = towards * bump[at] + (old === 0 ? 0 : change[place] / old);
            own += sizeOf(shape[at]);
          }
        }
        const scale = own === 0 ? 0 : length(unused / c + both) / length(own);
        for (let line = 0; line < side; line++) {
          const place = placeOf(gives, line);
          change.fill(0, place, place + side);
        }
        for (let line = 0, at = 0; line < side; line++) {
          for (let place = placeOf(gets, line), end = place + side; place < end; place++, at++) {
            change[place] = scale * shape[at];
          }
        }
      }
      finish(point, x);
    },
  };
}

/** Two opposite bumps side by side, and one above the other, `[side, side]` of length 1. */
function bumpsOf(side: number, sum: Sum): readonly [Float64Array, Float64Array] {
  const half = Math.floor(side / 2);
  const stacked = new Float64Array(side * side);
  stacked.set(rings(half, side, sum));
  stacked.set(
    rings(side - half, side, sum).map((value) => -value),
    half * side,
  );
  const turned = stacked.map((_, at) => stacked[(at % side) * side + Math.floor(at / side)]);
  return [ofLengthOne(turned, sum), ofLengthOne(stacked, sum)];
}

/** Rectangles around the middle, each smaller one on top of the larger; `[rows, columns]` of length 1. */
function rings(rows: number, columns: number, sum: Sum): Float64Array {
  const result = new Float64Array(rows * columns);
  const middle = [Math.floor(rows / 2), Math.floor(columns / 2)];
  const count = Math.max(...middle) + 1;
  for (let ring = 0; ring < count; ring++) {
    for (let line = Math.max(middle[0] - ring, 0); line < Math.min(middle[0] + ring + 1, rows); line++) {
      for (let column = Math.max(middle[1] - ring, 0); column < Math.min(middle[1] + ring + 1, columns); column++) {
        result[line * columns + column] += 1 / (ring + 1) ** sum.falls;
      }
    }
  }
  return ofLengthOne(result, sum);
}

function ofLengthOne(values: Float64Array, { sizeOf, length }: Sum): Float64Array {
  const own = length(values.reduce((total, value) => total + sizeOf(value), 0));
  return values.map((value) => value / own);
}

/** How points move in each norm. */
export const searches = {
  linf,
  l2: (input: Features, epsilon: number) => additive(input, epsilon, 'l2'),
  l1: (input: Features, epsilon: number) => additive(input, epsilon, 'l1'),
};
