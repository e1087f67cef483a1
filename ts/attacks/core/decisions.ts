/**
 * Attacks that see decisions and nothing else: whether a point is at the goal of its sample. Each sample has a search of
 * its own, a generator that yields points and is answered yes or no; it has no way to logits, to gradients, or to other
 * samples. Many searches go through the network together, so that passes are large although each asks little at a time.
 *
 * What is returned is the closest adversarial of all points that were asked, whenever a search ends: by itself, with its
 * last query, or within the ball that was asked for.
 */
import type { Random } from '../../base/random.js';
import type { Features } from '../../ops/op.js';
import { type AttackSpec, normOf } from '../table.js';
import { type Attack, all, type Batch } from './attack.js';
import { type Ball, balls, clipToBox, type Norm } from './norms.js';

/** Asks about points `[m, size]`, which it may get back clipped to the box; gets an answer for each. */
export type Asking<Result> = Generator<Float32Array, Result, readonly boolean[]>;

/** Looks for the closest adversarial of one sample; over when it can come no closer. */
export type Search = Asking<void>;

/** Points of a question: bounds what is held of all searches that go on at a time. */
export const pointsAtOnce = 32;

/** Searches that go on at a time. */
const searchesAtOnce = 64;

/** The sample that a search is for. */
export class Sought {
  /** Closest adversarial that was asked about; itself when there is none. */
  readonly closest: Float32Array;
  /** Its distance; Infinity when there is none. */
  distance = Number.POSITIVE_INFINITY;
  /** Share of the search that is done, 0 to 1, where that is not told by its queries. */
  done = 0;
  #asked = 0;

  /**
   * @param x `[size]`, in the box.
   * @param random a stream of its own.
   * @param left queries that it may ask.
   */
  constructor(
    readonly x: Float32Array,
    readonly input: Features,
    readonly norm: Norm,
    readonly random: Random,
    private readonly left: () => number,
    private readonly limit: number,
  ) {
    this.closest = x.slice();
  }

  get ball(): Ball {
    return balls[this.norm];
  }

  /** Queries that it asked. */
  get asked(): number {
    return this.#asked;
  }

  /** Share of its work that is done. */
  get progress(): number {
    return Math.max(this.done, this.#asked / this.limit);
  }

  /** Queries that may still be asked. */
  get affordable(): number {
    return Math.min(this.left(), this.limit - this.#asked);
  }

  distanceOf(point: Float32Array): number {
    return this.ball.distances(point, this.x, this.x.length)[0];
  }

  /** Takes the answers to points. */
  take(points: Float32Array, answers: readonly boolean[]): void {
    this.#asked += answers.length;
    const size = this.x.length;
    for (const [at, reached] of answers.entries()) {
      if (!reached) continue;
      const point = points.subarray(at * size, (at + 1) * size);
      const distance = this.distanceOf(point);
      if (distance >= this.distance) continue;
      this.distance = distance;
      this.closest.set(point);
    }
  }
}

/** A search that goes on, and what it asks. */
interface Going {
  i: number;
  sought: Sought;
  search: Search;
  points: Float32Array;
}

/** Runs an attack by a search for each sample; `queries` of its description, where there are such, limit it. */
export function* byDecisions<Spec extends AttackSpec & { queries?: number }>(
  search: (spec: Spec, sought: Sought) => Search,
  spec: Spec,
  batch: Batch,
): ReturnType<Attack<Spec>> {
  const { target, x, count, epsilon } = batch;
  const { size } = target;
  const result = x.slice();
  const waiting = all(count).reverse();
  // In a ball, all its points are alike; without one, nothing is closer than the sample itself.
  const enough = Number.isFinite(epsilon) ? epsilon : 0;
  let going: Going[] = [];
  let over = 0;
  const end = ({ i, sought }: Pick<Going, 'i' | 'sought'>): void => {
    over++;
    if (Number.isFinite(sought.distance)) result.set(sought.closest, i * size);
    else batch.failed(i, notStarted(sought));
  };
  while (going.length > 0 || waiting.length > 0) {
    while (going.length < searchesAtOnce && waiting.length > 0) {
      const i = waiting.pop() as number;
      const sought = soughtOf(spec, batch, i);
      const own = search(spec, sought);
      const { done, value } = own.next([]);
      if (done || sought.affordable <= 0) end({ i, sought });
      else going.push({ i, sought, search: own, points: value });
    }
    if (going.length === 0) break;
    // Who cannot pay for all points asks about the first ones, and is at its end.
    const payable = going.map(({ sought, points }) => Math.min(sought.affordable, points.length / size));
    const asked = new Float32Array(payable.reduce((sum, n) => sum + n, 0) * size);
    let at = 0;
    for (const [s, { points }] of going.entries()) {
      clipToBox(points);
      asked.set(points.subarray(0, payable[s] * size), at * size);
      at += payable[s];
    }
    const of = going.flatMap(({ i }, s) => new Array<number>(payable[s]).fill(i));
    const answers = yield* target.decisions(asked, of);
    at = 0;
    const still: Going[] = [];
    for (const [s, one] of going.entries()) {
      const own = answers.slice(at, at + payable[s]);
      at += payable[s];
      one.sought.take(one.points, own);
      const paid = own.length * size === one.points.length;
      const next = paid && one.sought.distance > enough ? one.search.next(own) : undefined;
      if (next === undefined || next.done || one.sought.affordable <= 0) end(one);
      else still.push({ ...one, points: next.value });
    }
    going = still;
    const done = going.reduce((sum, { sought }) => sum + sought.progress, over) / count;
    yield done > 0 ? done : undefined;
  }
  return result;
}

function soughtOf(spec: AttackSpec & { queries?: number }, { target, x, random }: Batch, i: number): Sought {
  const { size, input } = target;
  const own = x.subarray(i * size, (i + 1) * size);
  const limit = spec.queries ?? Number.POSITIVE_INFINITY;
  return new Sought(own, input, normOf(spec), random(i), () => target.left(i), limit);
}

/** Why a search found nothing at all. */
function notStarted({ asked, affordable }: Sought): string {
  return affordable <= 0
    ? `no adversarial image to begin at was found before its queries ended; it needs more of them`
    : `none of ${asked} random images was adversarial, so that there was nowhere to begin`;
}
