/** How APGD's points move in each norm, and when their steps shrink (Croce & Hein 2020; in l1, 2021). */
import { balls, type ConvexNorm, clipToBox, projectInBox, sparseStep } from '../core/norms.js';
import type { Climb, Climbers } from './climbers.js';

/** Share of a step that is new; the rest goes on as the step before. */
const fresh = 0.75;

const percent = (part: number, of: number): number => Math.max(Math.floor((part * of) / 100), 1);

/** The first window is 22 % of the steps; each is 3 % shorter than the one before, down to 6 %. */
function period(steps: number, checks: number): number {
  return Math.max(percent(22, steps) - checks * percent(3, steps), percent(6, steps));
}

/** Steps halve where too few of them raised the loss, or where the best loss is that of the last checkpoint. */
function check(rows: Climbers, r: number, { period, rho }: { period: number; rho: number }): boolean {
  const stalled = rows.shrank[r] === 0 && rows.checkedLoss[r] >= rows.bestLoss[r];
  const shrinks = stalled || rows.rises[r] <= rho * period;
  rows.shrank[r] = Number(shrinks);
  rows.checkedLoss[r] = rows.bestLoss[r];
  if (shrinks) rows.stepSize[r] /= 2;
  return shrinks;
}

const linf: Climb = {
  period,
  check,
  step({ points, previous, gradient, origins, stepSize, count, size }, radius, first) {
    const share = first ? 1 : fresh;
    for (let r = 0; r < count; r++) {
      const length = stepSize[r];
      for (let i = r * size; i < (r + 1) * size; i++) {
        const point = points[i];
        const low = Math.max(origins[i] - radius, 0);
        const high = Math.min(origins[i] + radius, 1);
        const slope = gradient[i];
        const ahead = slope > 0 ? point + length : slope < 0 ? point - length : point;
        const inside = ahead < low ? low : ahead > high ? high : ahead;
        const moved = point + (inside - point) * share + (point - previous[i]) * (1 - share);
        previous[i] = point;
        points[i] = moved < low ? low : moved > high ? high : moved;
      }
    }
  },
};

/** Added to lengths that are divided by. */
const tiny = 1e-12;

const l2: Climb = {
  period,
  check,
  step(rows, radius, first) {
    const { points, previous, gradient, origins, stepSize, count, size } = rows;
    const share = first ? 1 : fresh;
    const ahead = new Float32Array(size);
    for (let r = 0; r < count; r++) {
      const from = r * size;
      let slope = 0;
      for (let i = from; i < from + size; i++) slope += gradient[i] * gradient[i];
      const length = stepSize[r] / (Math.sqrt(slope) + tiny);
      for (let i = 0; i < size; i++) ahead[i] = points[from + i] + length * gradient[from + i];
      balls.l2.project(ahead, rows.row(origins, r), radius, size);
      clipToBox(ahead);
      for (let i = 0; i < size; i++) {
        const point = points[from + i];
        points[from + i] = point + (ahead[i] - point) * share + (point - previous[from + i]) * (1 - share);
        previous[from + i] = point;
      }
    }
    const moved = rows.active(points);
    balls.l2.project(moved, rows.active(origins), radius, size);
    clipToBox(moved);
  },
};

/** By how much fewer pixels are to move than the best point has changed, and by how much a step shrinks. */
const sparser = 1.5;

/** A best point that has changed less than this share of what it had has become sparser. */
const fewer = 0.95;

/** Steps shrink down to this share of the first. */
const shortest = 0.1;

/** The share of the pixels that a step moves first. */
const firstShare = 0.2;

const l1: Climb = {
  period: (steps) => percent(4, steps),
  check(rows, r, { radius }) {
    const had = rows.changed[r];
    countChanges(rows, r);
    const shrinks = rows.changed[r] < fewer * had;
    const { stepSize } = rows;
    stepSize[r] = shrinks ? radius : Math.max(stepSize[r] / sparser, shortest * radius);
    return shrinks;
  },
  step(rows, radius) {
    const { points, gradient, origins, stepSize, share, count, size } = rows;
    for (let r = 0; r < count; r++) {
      const moving = Math.min(Math.max(size - Math.floor((1 - share[r]) * size), 1), size);
      sparseStep(rows.row(points, r), rows.row(gradient, r), moving, stepSize[r]);
    }
    projectInBox(rows.active(points), rows.active(origins), radius, size);
  },
};

/** How many pixels the best point of a row has changed, and the share that its steps are to move. */
function countChanges({ best, origins, changed, share, size }: Climbers, r: number): void {
  let count = 0;
  for (let i = r * size; i < (r + 1) * size; i++) count += Number(best[i] !== origins[i]);
  changed[r] = count;
  share[r] = count / size / sparser;
}

/** What rows of l1 begin with: at random points, or at points that are the best of a larger ball. */
export function beginSparse(rows: Climbers, random: boolean): void {
  if (random) rows.share.fill(firstShare);
  else for (let r = 0; r < rows.count; r++) countChanges(rows, r);
}

export const climbs: Readonly<Record<ConvexNorm, Climb>> = { linf, l2, l1 };
