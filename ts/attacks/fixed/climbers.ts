/**
 * Points of APGD and what each remembers. Row r belongs to sample `of[r]`; a row that leaves makes room, so that the
 * passes of the network stay full. Nothing is summed across rows: a sample climbs as it would alone.
 */
import type { LossGradient } from '../core/target.js';

/** How the points of a norm move, and when their steps shrink. */
export interface Climb {
  /** Moves every row by its step size. `first`: there is no step before. */
  step(rows: Climbers, radius: number, first: boolean): void;
  /** Steps until the next checkpoint, after `checks` of them, for so many steps in all. */
  period(steps: number, checks: number): number;
  /** What a row does at a checkpoint that came `period` steps after the last one; whether it goes back to its best point. */
  check(rows: Climbers, row: number, how: { radius: number; period: number; rho: number }): boolean;
}

export class Climbers {
  /** Numbers of the samples. */
  of: number[];
  readonly points: Float32Array;
  /** Where they were a step before. */
  readonly previous: Float32Array;
  /** Of the loss, at the points. */
  readonly gradient: Float32Array;
  /** Points of the greatest loss so far, and the gradient there. */
  readonly best: Float32Array;
  readonly bestGradient: Float32Array;
  readonly bestLoss: Float64Array;
  readonly lastLoss: Float64Array;
  /** The greatest loss at the last checkpoint. */
  readonly checkedLoss: Float64Array;
  /** Steps since then that raised the loss. */
  readonly rises: Float64Array;
  /** Whether the step shrank then. */
  readonly shrank: Float64Array;
  readonly stepSize: Float64Array;
  /** In l1: the share of the pixels that a step moves, and how many the best point had changed at the last checkpoint. */
  readonly share: Float64Array;
  readonly changed: Float64Array;

  /**
   * @param origins `[m, size]`, centres of the balls.
   * @param stepSize the first.
   */
  constructor(
    of: readonly number[],
    readonly origins: Float32Array,
    points: Float32Array,
    readonly size: number,
    stepSize: number,
  ) {
    const values = (): Float32Array => new Float32Array(points.length);
    const one = (value: number): Float64Array => new Float64Array(of.length).fill(value);
    this.of = [...of];
    this.points = points;
    this.previous = points.slice();
    this.gradient = values();
    this.best = points.slice();
    this.bestGradient = values();
    this.bestLoss = one(Number.NEGATIVE_INFINITY);
    this.lastLoss = one(Number.POSITIVE_INFINITY);
    this.checkedLoss = one(Number.NEGATIVE_INFINITY);
    this.rises = one(0);
    this.shrank = one(1);
    this.stepSize = one(stepSize);
    this.share = one(0);
    this.changed = one(size);
  }

  get count(): number {
    return this.of.length;
  }

  /** The rows that are in use. */
  active(values: Float32Array): Float32Array {
    return values.subarray(0, this.count * this.size);
  }

  row(values: Float32Array, r: number): Float32Array {
    return values.subarray(r * this.size, (r + 1) * this.size);
  }

  /** Takes what was found at the points. */
  take({ losses, gradient }: Pick<LossGradient, 'losses' | 'gradient'>): void {
    this.gradient.set(gradient);
    for (let r = 0; r < this.count; r++) {
      const loss = losses[r];
      if (loss > this.lastLoss[r]) this.rises[r]++;
      this.lastLoss[r] = loss;
      if (loss <= this.bestLoss[r]) continue;
      this.bestLoss[r] = loss;
      this.best.set(this.row(this.points, r), r * this.size);
      this.bestGradient.set(this.row(gradient, r), r * this.size);
    }
  }

  /** The steps of a row go on from its best point. */
  goBack(r: number): void {
    this.points.set(this.row(this.best, r), r * this.size);
    this.gradient.set(this.row(this.bestGradient, r), r * this.size);
  }

  /** Goes on with these rows alone, given in ascending order. */
  keep(rows: readonly number[]): void {
    if (rows.length === this.count) return;
    const { points, previous, gradient, best, bestGradient, origins, size } = this;
    const { bestLoss, lastLoss, checkedLoss, rises, shrank, stepSize, share, changed } = this;
    for (const [to, r] of rows.entries()) {
      if (to === r) continue;
      for (const values of [points, previous, gradient, best, bestGradient, origins]) {
        values.copyWithin(to * size, r * size, (r + 1) * size);
      }
      for (const values of [bestLoss, lastLoss, checkedLoss, rises, shrank, stepSize, share, changed]) {
        values[to] = values[r];
      }
    }
    this.of = rows.map((r) => this.of[r]);
  }
}
