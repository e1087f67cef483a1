/**
 * Watches an attack from outside: what the model answered at the points that it asked for. An attack that sees no
 * gradient, whose loss does not rise, or that passes over an adversarial point, says little about a model.
 */
import type { Goal } from './goal.js';
import type { Ball } from './norms.js';

/** What the model answered at `m` points. */
export interface Answers {
  /** The sample that each point belongs to. */
  of: readonly number[];
  /** `[m, classes]`; left out for another model than the one that is attacked. */
  logits?: Float32Array;
  /** `[m, size]`, in any order of a sample's values. */
  gradient?: Float32Array;
  /** The point with this number, for as long as it has not moved. */
  point(at: number): Float32Array;
}

/** Sees answers. */
export interface Watch {
  see(answers: Answers): void;
}

/** Sees nothing. */
export const blind: Watch = { see() {} };

/** The same for some of the samples, numbered anew; of another model, whose logits say nothing, when `foreign`. */
export function watchPart(watch: Watch, samples: readonly number[], foreign = false): Watch {
  return {
    see({ of, logits, ...answers }) {
      watch.see({ ...answers, of: of.map((i) => samples[i]), logits: foreign ? undefined : logits });
    },
  };
}

/** Counts of what was seen; of samples unless said otherwise. */
export interface Diagnostics {
  /** Gradients that were asked for, those zero throughout, and others that are too small to be one throughout. */
  gradients: number;
  zero: number;
  tiny: number;
  /** Saw gradients that were zero, and no other; none but such, or too small ones. */
  blind: number;
  faint: number;
  /** Not broken, with gradients at two points or more; of these, the margin was never above its first. */
  followed: number;
  notRising: number;
  /** Not broken, with gradients at more than ten points; of these, the last ten won more than 5 % of all that was won. */
  long: number;
  unfinished: number;
  /** Not broken, although the model was wrong at a point inside ball and box that the attack asked for. */
  silent: number;
}

/** Nothing was seen yet. */
export const noDiagnostics: Readonly<Diagnostics> = {
  gradients: 0,
  zero: 0,
  tiny: 0,
  blind: 0,
  faint: 0,
  followed: 0,
  notRising: 0,
  long: 0,
  unfinished: 0,
  silent: 0,
};

/** The counts of two sets of samples together. */
export function addDiagnostics(a: Diagnostics, b: Diagnostics): Diagnostics {
  const keys = Object.keys(noDiagnostics) as (keyof Diagnostics)[];
  return Object.fromEntries(keys.map((key) => [key, a[key] + b[key]])) as unknown as Diagnostics;
}

/** A gradient all of whose values are below this leads nowhere in 32-bit arithmetic. */
const tiniest = 1e-10;

/** Points at the end of a path that must not bring much any more, and what is much. */
const last = 10;
const much = 0.05;

/** What gradients a sample saw, in rising order. */
const [none, zero, tiny, real] = [0, 1, 2, 3];

/** Sees the answers for some samples. */
export class SampleWatch implements Watch {
  #gradients = 0;
  #zero = 0;
  #tiny = 0;
  readonly #seen: Uint8Array;
  /** Points with gradients, the first margin, the largest after it, the largest before the last ones, and these. */
  readonly #points: Uint32Array;
  readonly #first: Float32Array;
  readonly #best: Float32Array;
  readonly #early: Float32Array;
  readonly #latest: Float32Array;
  /** Distance of the nearest adversarial point in the box. */
  readonly #nearest: Float32Array;

  /**
   * @param goal of the samples.
   * @param x `[n, size]`.
   * @param near adversarial points no further than this are all alike, for they are in the ball (up to rounding); 0 when
   *   there is none, and the nearest counts.
   */
  constructor(
    private readonly goal: Goal,
    private readonly x: Float32Array,
    private readonly ball: Ball,
    private readonly near: number,
  ) {
    const samples = goal.classes.length;
    this.#seen = new Uint8Array(samples);
    this.#points = new Uint32Array(samples);
    this.#first = new Float32Array(samples);
    this.#best = new Float32Array(samples).fill(Number.NEGATIVE_INFINITY);
    this.#early = new Float32Array(samples).fill(Number.NEGATIVE_INFINITY);
    this.#latest = new Float32Array(samples * last);
    this.#nearest = new Float32Array(samples).fill(Number.POSITIVE_INFINITY);
  }

  see({ of, logits, gradient, point }: Answers): void {
    for (const [at, i] of of.entries()) {
      if (gradient !== undefined) this.#look(gradient, at, of.length, i);
      if (logits === undefined) continue;
      const classes = logits.length / of.length;
      const margin = this.goal.margin(logits.subarray(at * classes, (at + 1) * classes), i);
      if (gradient !== undefined) this.#follow(i, margin);
      if (margin > 0 && this.#nearest[i] > this.near) this.#found(i, point(at));
    }
  }

  #look(gradient: Float32Array, at: number, m: number, i: number): void {
    const size = gradient.length / m;
    const end = (at + 1) * size;
    let largest = 0;
    for (let j = at * size; j < end && largest < tiniest; j++) largest = Math.max(largest, Math.abs(gradient[j]));
    const kind = largest === 0 ? zero : largest < tiniest ? tiny : real;
    this.#gradients++;
    this.#zero += Number(kind === zero);
    this.#tiny += Number(kind === tiny);
    this.#seen[i] = Math.max(this.#seen[i], kind);
  }

  #follow(i: number, margin: number): void {
    const points = this.#points[i]++;
    if (points === 0) this.#first[i] = margin;
    else this.#best[i] = Math.max(this.#best[i], margin);
    const place = i * last + (points % last);
    if (points >= last) this.#early[i] = Math.max(this.#early[i], this.#latest[place]);
    this.#latest[place] = margin;
  }

  #found(i: number, point: Float32Array): void {
    for (let j = 0; j < point.length; j++) if (!(point[j] >= 0 && point[j] <= 1)) return;
    const size = point.length;
    const [distance] = this.ball.distances(point, this.x.subarray(i * size, (i + 1) * size), size);
    this.#nearest[i] = Math.min(this.#nearest[i], distance);
  }

  /** What was seen, once it is known which of the samples are broken within `epsilon`. */
  diagnostics(broken: readonly boolean[], epsilon: number): Diagnostics {
    const whole = broken.map((_, i) => i).filter((i) => !broken[i]);
    const count = (samples: readonly number[], of: (i: number) => boolean) => samples.filter(of).length;
    const followed = whole.filter((i) => this.#points[i] >= 2 && this.#seen[i] === real);
    const long = followed.filter((i) => this.#points[i] > last);
    const all = broken.map((_, i) => i);
    return {
      gradients: this.#gradients,
      zero: this.#zero,
      tiny: this.#tiny,
      blind: count(all, (i) => this.#seen[i] === zero),
      faint: count(all, (i) => this.#seen[i] > none && this.#seen[i] < real),
      followed: followed.length,
      notRising: count(followed, (i) => this.#best[i] <= this.#first[i]),
      long: long.length,
      unfinished: count(long, (i) => {
        const [first, best, early] = [this.#first[i], this.#best[i], this.#early[i]];
        return best - early > much * (best - first);
      }),
      silent: count(whole, (i) => this.#nearest[i] <= Math.max(epsilon, this.near)),
    };
  }
}
