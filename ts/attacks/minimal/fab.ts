/**
 * The fast adaptive boundary attack (Croce & Hein 2020), as it is part of AutoAttack: takes the model for linear around a
 * point, projects the point and the original onto the border of the classes within the box, and goes to a mean of both,
 * a little beyond; from an adversarial it goes back towards the original.
 */
import type { Random } from '../../base/random.js';
import { boolean, descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import { argmax } from '../../graph/predictions.js';
import { type Attack, all, type Batch, pick, put } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import * as fields from '../core/fields.js';
import { dualLength, type Projection, projectionOf } from '../core/hyperplane.js';
import { type ConvexNorm, clipToBox } from '../core/norms.js';
import type { Passes, RowLoss, Target } from '../core/target.js';

/** See `attacks.fab`. */
export const fabDescriptor = descriptor(
  tagged('fab', {
    norm: fields.norm(),
    targeted: optional(boolean(), false),
    steps: optional(integer({ min: 1 }), 100),
    restarts: optional(integer({ min: 1 }), 1),
    alphaMax: optional(number({ min: 0, max: 1 }), 0.1),
    eta: optional(number({ min: 1 }), 1.05),
    beta: optional(number({ above: 0, max: 1 }), 0.9),
    targetClasses: optional(integer({ min: 1 }), 9),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.fab` makes: plain data, its options with the defaults filled in. */
export type FabSpec = Output<typeof fabDescriptor.schema>;

/** Steps of the search between the original and the closest adversarial, and how far beyond the border each aims. */
const finalSteps = 3;
const beyond = 0.05;

/** Share of a value that is left by rounding alone after a projection. */
const outside = 1e-6;

/** Radius within which restarts begin as long as nothing is known of the distance. */
const unknownRadius: Readonly<Record<ConvexNorm, number>> = { linf: 0.3, l2: 1, l1: 5 };

export const fab: Attack<FabSpec> = function* (spec, batch) {
  const { target, x, epsilon } = batch;
  const { size, classes, goal } = target;
  const best = new Closest(batch, spec.norm);
  const single = spec.targeted || goal.targeted;
  // Who cannot pay for a step has no use for the first question.
  let open = target.afford(all(batch.count), 1 + (single ? target.gradientCost : target.jacobianCost) + 1);
  const logits = yield* target.logits(pick(x, open, size), open);
  const rowOf = (at: number): Float32Array => logits.subarray(at * classes, (at + 1) * classes);
  const margins = new Map(open.map((i, at) => [i, goal.margin(rowOf(at), i)]));
  const bySample = new Map(open.map((i, at) => [i, othersOf(rowOf(at), goal.classes[i])]));
  const rounds = spec.targeted && !goal.targeted ? Math.min(spec.targetClasses, classes - 1) : 1;
  // The source of a transfer may be wrong as it is: nothing is closer than the original.
  const answers = argmax(logits, classes);
  open = open.filter((i, at) => !goal.reached(answers[at], i));
  const runs = rounds * spec.restarts;
  for (let run = 0; run < runs && open.length > 0; run++) {
    const rank = Math.floor(run / spec.restarts);
    const border = single
      ? towards(target, spec.norm, goal.targeted ? undefined : (i) => (bySample.get(i) as number[])[rank])
      : nearest(target, spec.norm);
    // What a run finds does not depend on the others: more of them are never worse.
    const found = new Found(batch, spec.norm);
    const points = pick(x, open, size);
    if (run % spec.restarts > 0) {
      for (const [at, i] of open.entries()) {
        const radius = Math.min(best.distance[i], epsilon);
        const within = Number.isFinite(radius) ? radius : unknownRadius[spec.norm];
        randomStart(points.subarray(at * size, (at + 1) * size), within / 2, spec.norm, batch.random(i, run));
      }
    }
    for (const done of descend(spec, batch, found, border, points, open)) {
      yield done === undefined ? undefined : (run + done) / runs;
    }
    yield* finalSearch(target, x, found, margins);
    for (const i of open) if (found.has(i)) best.take(i, found.pointOf(i));
    open = open.filter((i) => !best.enough(i));
  }
  return best.points;
};

/** The closest adversarials, and how far the logits are beyond the goal there. */
class Found extends Closest {
  readonly margin = new Float64Array(this.distance.length);

  keep(i: number, point: Float32Array, margin: number): void {
    if (this.take(i, point)) this.margin[i] = margin;
  }
}

/** Linear functions of some samples at their points, which are 0 on a border: values and slopes, the latter undefined where there is none. */
interface Border {
  cost: number;
  at(points: Float32Array, of: readonly number[]): Passes<{ gap: number; slope: Float32Array | undefined }[]>;
}

/** The border to one class of each sample, or to its target. */
function towards(target: Target, norm: ConvexNorm, classOf: ((i: number) => number) | undefined): Border {
  const { size, goal } = target;
  const difference: RowLoss = (logits, i, cotangent) => {
    const own = goal.classes[i];
    const other = classOf === undefined ? othersOf(logits, own)[0] : classOf(i);
    cotangent[other] = goal.direction;
    cotangent[own] = -goal.direction;
    return goal.direction * (logits[other] - logits[own]);
  };
  return {
    cost: target.gradientCost,
    *at(points, of) {
      const { losses, gradient } = yield* target.gradient(points, of, difference);
      return of.map((_, at) => {
        const slope = gradient.subarray(at * size, (at + 1) * size);
        return { gap: losses[at], slope: dualLength(slope, norm) === 0 ? undefined : slope };
      });
    },
  };
}

/** The nearest of the borders between the true class and the others. */
function nearest(target: Target, norm: ConvexNorm): Border {
  const { size, classes, goal } = target;
  const project = projectionOf(norm, size);
  const move = new Float64Array(size);
  return {
    cost: target.jacobianCost,
    *at(points, of) {
      const { logits, gradients } = yield* target.jacobian(points, of);
      return of.map((i, at) => {
        const own = goal.classes[i];
        const gradientOf = (j: number) => gradients.subarray((at * classes + j) * size, (at * classes + j + 1) * size);
        const base = gradientOf(own);
        const borders: { gap: number; slope: Float32Array; bound: number }[] = [];
        for (let j = 0; j < classes; j++) {
          if (j === own) continue;
          const slope = gradientOf(j);
          for (let p = 0; p < size; p++) slope[p] -= base[p];
          const length = dualLength(slope, norm);
          const gap = logits[at * classes + j] - logits[at * classes + own];
          if (length > 0) borders.push({ gap, slope, bound: Math.abs(gap) / length });
        }
        borders.sort((a, b) => a.bound - b.bound);
        let best = borders[0] ?? { gap: 0, slope: undefined };
        let least = Number.POSITIVE_INFINITY;
        const point = points.subarray(at * size, (at + 1) * size);
        for (const border of borders) {
          // The walls of the box only make the way longer.
          if (border.bound >= least) break;
          const length = project(point, border.slope, border.gap, move);
          let left = border.gap;
          for (let p = 0; p < size; p++) left += border.slope[p] * move[p];
          // A border beyond the box is no border.
          if (length >= least || Math.abs(left) > outside * Math.abs(border.gap)) continue;
          least = length;
          best = border;
        }
        return best;
      });
    },
  };
}

/** One run from `points` of the samples `of`; yields the share that is done. */
function* descend(
  { norm, steps, alphaMax, eta, beta }: FabSpec,
  { target, x }: Batch,
  found: Found,
  border: Border,
  points: Float32Array,
  of: readonly number[],
): Generator<number | undefined, void, void> {
  const { size, classes, goal } = target;
  const originalOf = (i: number): Float32Array => x.subarray(i * size, (i + 1) * size);
  const move = mover(projectionOf(norm, size), size, { alphaMax, eta });
  let running = of.slice();
  let current = points;
  const keep = (places: readonly number[]): void => {
    if (places.length === running.length) return;
    current = pick(current, places, size);
    running = places.map((at) => running[at]);
  };
  for (let step = 0; step < steps && running.length > 0; step++) {
    // One more, for the question who is there.
    keep(all(running.length).filter((at) => target.left(running[at]) >= border.cost + 1));
    const borders = yield* border.at(current, running);
    // Where no class grows along any path, a point stays for good.
    const sloped = all(running.length).filter((at) => borders[at].slope !== undefined);
    keep(sloped);
    for (const [at, i] of running.entries()) {
      const { gap, slope } = borders[sloped[at]];
      move(current.subarray(at * size, (at + 1) * size), originalOf(i), slope as Float32Array, gap);
    }
    const logits = yield* target.logits(current, running);
    const answers = argmax(logits, classes);
    for (const [at, i] of running.entries()) {
      if (!goal.reached(answers[at], i)) continue;
      const point = current.subarray(at * size, (at + 1) * size);
      found.keep(i, point, goal.margin(logits.subarray(at * classes, (at + 1) * classes), i));
      const original = originalOf(i);
      for (let p = 0; p < size; p++) point[p] = original[p] + (point[p] - original[p]) * beta;
    }
    keep(all(running.length).filter((at) => !found.enough(running[at])));
    yield (step + 1) / steps;
  }
}

/** Moves a point in place to the mean of its projection and that of the original, each `eta` times as far as the border. */
function mover(project: Projection, size: number, { alphaMax, eta }: { alphaMax: number; eta: number }) {
  const own = new Float64Array(size);
  const originals = new Float64Array(size);
  return (point: Float32Array, original: Float32Array, slope: Float32Array, gap: number): void => {
    let there = gap;
    for (let p = 0; p < size; p++) there += slope[p] * (original[p] - point[p]);
    const length = Math.max(project(point, slope, gap, own), 1e-8);
    const other = Math.max(project(original, slope, there, originals), 1e-8);
    // The further the point has to go, the more it is drawn to the original.
    const alpha = Math.min(length / (length + other), alphaMax);
    for (let p = 0; p < size; p++) {
      point[p] = (1 - alpha) * (point[p] + eta * own[p]) + alpha * (original[p] + eta * originals[p]);
    }
    clipToBox(point);
  };
}

/**
 * Closer adversarials on the way to the original: where the margin would be 0 if it were linear between the ends, again
 * and again between the ends that are left.
 *
 * @param margins of the originals.
 */
function* finalSearch(
  target: Target,
  x: Float32Array,
  found: Found,
  margins: ReadonlyMap<number, number>,
): Passes<void> {
  const { size, classes, goal } = target;
  const near = x.slice();
  const below = new Map(margins);
  let active = all(found.distance.length).filter((i) => found.has(i) && !found.enough(i));
  for (let step = 0; step < finalSteps; step++) {
    active = target.afford(active, 1);
    if (active.length === 0) return;
    const points = pick(near, active, size);
    for (const [at, i] of active.entries()) {
      const before = below.get(i) as number;
      const share = before / (before - found.margin[i]) || 0;
      const part = share + beyond * (1 - share);
      for (let p = 0; p < size; p++) points[at * size + p] += part * (found.points[i * size + p] - near[i * size + p]);
    }
    const logits = yield* target.logits(points, active);
    const answers = argmax(logits, classes);
    for (const [at, i] of active.entries()) {
      const margin = goal.margin(logits.subarray(at * classes, (at + 1) * classes), i);
      const point = points.subarray(at * size, (at + 1) * size);
      if (goal.reached(answers[at], i)) found.keep(i, point, margin);
      else {
        put(near, [i], point, size);
        below.set(i, margin);
      }
    }
    active = active.filter((i) => !found.enough(i));
  }
}

/** All classes but `own`, the most likely first. */
function othersOf(logits: Float32Array, own: number): number[] {
  return all(logits.length)
    .filter((j) => j !== own)
    .sort((a, b) => logits[b] - logits[a] || a - b);
}

/** Moves a point to a random place at this distance, and into the box. */
function randomStart(point: Float32Array, radius: number, norm: ConvexNorm, random: Random): void {
  const direction = Float64Array.from(point, () => (norm === 'linf' ? 2 * random.uniform() - 1 : random.normal()));
  let length = 0;
  for (const value of direction) {
    if (norm === 'linf') length = Math.max(length, Math.abs(value));
    else length += norm === 'l2' ? value * value : Math.abs(value);
  }
  if (norm === 'l2') length = Math.sqrt(length);
  for (let p = 0; p < point.length; p++) point[p] += (radius * direction[p]) / length;
  clipToBox(point);
}
