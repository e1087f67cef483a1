/**
 * Auto-PGD (Croce & Hein 2020; in l1, 2021): projected gradient ascent with momentum that chooses its step size. At
 * checkpoints the steps of a sample halve where they no longer raise its loss, and it goes on from its best point. A
 * sample that has reached its goal keeps that point and asks no more; the others end at the point of the greatest loss.
 *
 * With targeted DLR as the loss, samples run to one class after another, the most likely first.
 */
import { choice, descriptor, integer, number, type Output, optional, refined, tagged } from '../../base/schema.js';
import { losses } from '../../graph/losses.js';
import { type Attack, all, asPart, type Batch, pick } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { balls, type ConvexNorm, clipToBox, projectInBox } from '../core/norms.js';
import type { LossGradient, Passes, RowLoss, Target } from '../core/target.js';
import { checkTargetedDlr, ranking, targetedDlr } from '../core/targetedDlr.js';
import { Climbers } from './climbers.js';
import { beginSparse, climbs } from './climbs.js';

/** See `attacks.apgd`. */
export const apgdDescriptor = descriptor(
  refined(
    tagged('apgd', {
      norm: fields.norm(),
      loss: optional(choice([...losses, 'targetedDlr']), 'crossEntropy'),
      steps: fields.steps(100),
      restarts: optional(integer({ min: 1 }), 1),
      /** A step size stays where more than this share of the steps raised the loss. */
      rho: optional(number({ above: 0, below: 1 }), 0.75),
      /** Gradients that one is the mean of. */
      eot: optional(integer({ min: 1 }), 1),
      targetClasses: optional(integer({ min: 1 })),
    }),
    ({ loss, targetClasses }) =>
      targetClasses !== undefined && loss !== 'targetedDlr'
        ? `expected none with the loss '${loss}', which has no target, got ${targetClasses}`
        : undefined,
    'targetClasses',
  ),
  { family: 'fixed', gradient: 'exact' },
);

/** What `attacks.apgd` makes: plain data, its options with the defaults filled in. */
export type ApgdSpec = Output<typeof apgdDescriptor.schema>;

/** Classes that are tried in turn. */
const targetClasses = 9;

export const apgd: Attack<ApgdSpec> = function* (spec, batch) {
  const { target, x, count } = batch;
  const found: Found = { points: x.slice(), losses: new Float64Array(count).fill(Number.NEGATIVE_INFINITY) };
  const goals = yield* lossesOf(spec, batch);
  const runs = goals.length * spec.restarts;
  let left = all(count);
  for (let run = 0; run < runs && left.length > 0; run++) {
    const climb = climbOnce(spec, batch, left, { loss: goals[Math.floor(run / spec.restarts)], run, found });
    left = target.afford(yield* asPart(climb, run, runs), spec.eot * target.gradientCost);
  }
  return found.points;
};

type ApgdLoss = Exclude<ApgdSpec['loss'], 'targetedDlr'> | RowLoss;

/** What is climbed, one loss after another. */
function* lossesOf({ loss, ...spec }: ApgdSpec, { target, x, count }: Batch): Passes<readonly ApgdLoss[]> {
  if (loss !== 'targetedDlr') return [loss];
  const { classes, goal, size } = target;
  checkTargetedDlr(classes);
  if (goal.targeted) {
    // The rival of the target is whichever other class is the most likely.
    return [(row, i, slope) => targetedDlr(row, ranking(row, 1, goal.classes[i])[0], goal.classes[i], slope)];
  }
  const runs = Math.min(spec.targetClasses ?? targetClasses, classes - 1);
  const asked = target.afford(all(count), 1);
  const logits = yield* target.logits(pick(x, asked, size), asked);
  const targets = new Int32Array(count * runs);
  for (const [at, i] of asked.entries()) {
    targets.set(ranking(logits.subarray(at * classes, (at + 1) * classes), runs, goal.classes[i]), i * runs);
  }
  return Array.from({ length: runs }, (_, run): RowLoss => {
    return (row, i, slope) => targetedDlr(row, goal.classes[i], targets[i * runs + run], slope);
  });
}

/** What a batch has come to. */
interface Found {
  points: Float32Array;
  /** At the points of samples that have not reached their goals. */
  losses: Float64Array;
}

/** A ball that a run climbs in. */
interface Stage {
  /** Its radius over epsilon. */
  scale: number;
  steps: number;
}

/** In l1, larger balls come first; else there is one. */
function stagesOf(norm: ConvexNorm, steps: number): Stage[] {
  const part = Math.ceil((3 * steps) / 10);
  const last = steps - 2 * part;
  if (norm !== 'l1' || last < 1) return [{ scale: 1, steps }];
  return [
    { scale: 3, steps: part },
    { scale: 2, steps: part },
    { scale: 1, steps: last },
  ];
}

/** A run from random points. Gives the samples that it has not broken. */
function* climbOnce(
  spec: ApgdSpec,
  batch: Batch,
  samples: readonly number[],
  how: { loss: ApgdLoss; run: number; found: Found },
): Generator<number | undefined, number[], void> {
  const { x, epsilon, target } = batch;
  const { size } = target;
  const { norm } = spec;
  const stages = stagesOf(norm, spec.steps);
  const unbroken: number[] = [];
  let of = samples;
  let points = randomPoints(norm, batch, of, how.run);
  let done = 0;
  for (const stage of stages) {
    const radius = stage.scale * epsilon;
    const origins = pick(x, of, size);
    if (norm === 'l1') projectInBox(points, origins, radius, size);
    const rows = new Climbers(of, origins, points, size, norm === 'l1' ? radius : 2 * radius);
    if (norm === 'l1') beginSparse(rows, done === 0);
    yield* asPart(climbStage(spec, batch, rows, stage, { ...how, unbroken }), done, spec.steps);
    done += stage.steps;
    of = rows.of;
    points = rows.active(rows.best).slice();
  }
  return unbroken;
}

/** The steps inside one ball; leaves in `rows` those that go on in a smaller one. */
function* climbStage(
  spec: ApgdSpec,
  { target, epsilon }: Batch,
  rows: Climbers,
  { scale, steps }: Stage,
  { loss, found, unbroken }: { loss: ApgdLoss; found: Found; unbroken: number[] },
): Generator<number | undefined, void, void> {
  const { size } = target;
  const climb = climbs[spec.norm];
  const cost = spec.eot * target.gradientCost;
  const radius = scale * epsilon;
  const drop = (gone: readonly number[]): void => {
    const without = new Set(gone);
    if (gone.length > 0) rows.keep(all(rows.count).filter((r) => !without.has(r)));
  };
  // Without an adversarial point, at the best point if no run before had a better one.
  const end = (gone: readonly number[]): void => {
    for (const r of gone) {
      const i = rows.of[r];
      unbroken.push(i);
      if (rows.bestLoss[r] <= found.losses[i]) continue;
      const best = rows.row(rows.best, r);
      if (scale > 1) projectInBox(best, rows.row(rows.origins, r), epsilon, size);
      found.losses[i] = rows.bestLoss[r];
      found.points.set(best, i * size);
    }
    drop(gone);
  };
  let [checks, since] = [0, 0];
  // A gradient at the start, and one after each step.
  for (let step = 0; step <= steps; step++) {
    if (step > 0) climb.step(rows, radius, step === 1);
    end(all(rows.count).filter((r) => target.left(rows.of[r]) < cost));
    if (rows.count === 0) return;
    const { logits, ...evaluated } = yield* meanGradient(target, rows, loss, spec.eot);
    rows.take(evaluated);
    // A point in a larger ball is no adversarial one.
    if (scale === 1) {
      const there = target.atGoal(logits, rows.of);
      for (const r of there) found.points.set(rows.row(rows.points, r), rows.of[r] * size);
      drop(there);
    }
    if (step === 0) {
      rows.checkedLoss.set(rows.bestLoss);
      continue;
    }
    const period = climb.period(steps, checks);
    if (++since === period) {
      for (let r = 0; r < rows.count; r++) {
        if (climb.check(rows, r, { radius, period, rho: spec.rho })) rows.goBack(r);
        rows.rises[r] = 0;
      }
      checks++;
      since = 0;
    }
    yield step;
  }
  if (scale === 1) end(all(rows.count));
}

/** The mean gradient of so many queries; losses and logits are those of the last. */
function* meanGradient(target: Target, rows: Climbers, loss: ApgdLoss, eot: number): Passes<LossGradient> {
  const points = rows.active(rows.points);
  let result = yield* target.gradient(points, rows.of, loss);
  if (eot === 1) return result;
  const sum = Float64Array.from(result.gradient);
  for (let query = 1; query < eot; query++) {
    result = yield* target.gradient(points, rows.of, loss);
    for (let i = 0; i < sum.length; i++) sum[i] += result.gradient[i];
  }
  for (let i = 0; i < sum.length; i++) result.gradient[i] = sum[i] / eot;
  return result;
}

/** On the edge of the ball in linf and l2; in l1 far outside, to be projected. */
function randomPoints(
  norm: ConvexNorm,
  { x, epsilon, target, random }: Batch,
  of: readonly number[],
  run: number,
): Float32Array {
  const { size } = target;
  const points = pick(x, of, size);
  const change = new Float64Array(size);
  for (const [at, i] of of.entries()) {
    const stream = random(i, run);
    let [largest, squares] = [0, 0];
    for (let j = 0; j < size; j++) {
      change[j] = norm === 'linf' ? 2 * stream.uniform() - 1 : stream.normal();
      largest = Math.max(largest, Math.abs(change[j]));
      squares += change[j] * change[j];
    }
    const scale = norm === 'l1' ? 1 : epsilon / (norm === 'linf' ? largest : Math.sqrt(squares));
    for (let j = 0; j < size; j++) points[at * size + j] += scale * change[j];
  }
  if (norm !== 'l1') {
    balls[norm].project(points, pick(x, of, size), epsilon, size);
    clipToBox(points);
  }
  return points;
}
