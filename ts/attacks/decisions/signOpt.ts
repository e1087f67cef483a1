/**
 * Sign-OPT (Cheng, Singh, Chen, Chen, Liu & Hsieh 2020): descent on the distance at which the adversarial region begins, as a
 * function of the direction. A query tells whether a direction nearby meets the region sooner: the mean of random directions,
 * each counted for or against by that answer, is the gradient. l2.
 */
import { descriptor, integer, type Output, optional, tagged } from '../../base/schema.js';
import type { Attack } from '../core/attack.js';
import { type Asking, byDecisions, pointsAtOnce, type Search, type Sought } from '../core/decisions.js';
import * as fields from '../core/fields.js';
import { along, bisect } from './border.js';
import { borderStart } from './start.js';

/** See `attacks.signOpt`. */
export const signOptDescriptor = descriptor(
  tagged('signOpt', {
    norm: fields.norm(['l2']),
    queries: optional(integer({ min: 1 }), 20_000),
    k: optional(integer({ min: 1 }), 200),
  }),
  { family: 'minimal', gradient: 'decisions' },
);

/** What `attacks.signOpt` makes: plain data, its options with the defaults filled in. */
export type SignOptSpec = Output<typeof signOptDescriptor.schema>;

/** Length of the first step, and of a direction's change, for a direction of length 1. */
const firstStep = 0.2;
const firstChange = 1e-3;

/** A step that has shrunk below this begins anew, with smaller changes; below the last, nothing more is won. */
const shortestStep = 1e-4;
const shortestChange = 1e-8;

/** Tries of a longer step, and of a shorter one. */
const tries = 15;

/** How exactly a distance is known, as a share of it. */
const tolerance = 1e-4;

/** A direction of length 1, and the distance at which it meets the region. */
interface Ray {
  direction: Float64Array;
  distance: number;
}

function* search({ k }: SignOptSpec, sought: Sought): Search {
  const start = yield* borderStart(sought, tolerance);
  if (start === undefined) return;
  const direction = ofLengthOne(Float64Array.from(start, (value, i) => value - sought.x[i]));
  let ray: Ray = { direction, distance: sought.distanceOf(start) };
  let step = firstStep;
  for (let change = firstChange; change > shortestChange; ) {
    const gradient = yield* gradientAt(sought, ray, k, change);
    const found = yield* descend(sought, ray, gradient, step);
    ({ step } = found);
    ray = found.ray;
    if (step < shortestStep) {
      step = 1;
      change /= 10;
    }
  }
}

export const signOpt: Attack<SignOptSpec> = (spec, batch) => byDecisions(search, spec, batch);

/** The gradient of the distance by the direction, of which the sign of each change is known. */
function* gradientAt(sought: Sought, { direction, distance }: Ray, k: number, change: number): Asking<Float64Array> {
  const size = direction.length;
  const sum = new Float64Array(size);
  for (let from = 0; from < k; from += pointsAtOnce) {
    const drawn = Array.from({ length: Math.min(pointsAtOnce, k - from) }, () =>
      ofLengthOne(Float64Array.from(direction, () => sought.random.normal())),
    );
    const points = new Float32Array(drawn.length * size);
    for (const [at, u] of drawn.entries()) {
      const near = ofLengthOne(direction.map((value, i) => value + change * u[i]));
      points.set(along(sought, near, distance), at * size);
    }
    const answers = yield points;
    for (const [at, u] of drawn.entries()) {
      const sign = answers[at] ? -1 : 1;
      for (let i = 0; i < size; i++) sum[i] += sign * u[i];
    }
  }
  return sum.map((value) => value / k);
}

/** A step against the gradient, as long as is good: doubled while that comes nearer, or else cut until it does. */
function* descend(sought: Sought, ray: Ray, gradient: Float64Array, first: number): Asking<{ ray: Ray; step: number }> {
  let best: { ray: Ray; step: number } | undefined;
  const attempt = function* (step: number): Asking<boolean> {
    const direction = ofLengthOne(ray.direction.map((value, i) => value - step * gradient[i]));
    const distance = yield* nearer(sought, direction, best?.ray.distance ?? ray.distance);
    if (distance === undefined) return false;
    best = { ray: { direction, distance }, step };
    return true;
  };
  let step = first;
  for (let round = 0; round < tries && (yield* attempt(step)); round++) step *= 2;
  for (let round = 0; round < tries && best === undefined; round++) {
    step /= 4;
    yield* attempt(step);
  }
  return best ?? { ray, step };
}

/** Where a direction meets the region, if that is nearer than this. */
function* nearer(sought: Sought, direction: Float64Array, distance: number): Asking<number | undefined> {
  const at = (place: number) => along(sought, direction, place);
  let high = distance * (1 - tolerance);
  const [reached] = yield at(high);
  if (!reached) return undefined;
  for (let step = 0.01 * distance; step < distance; step *= 2) {
    const low = distance - step;
    const [still] = yield at(low);
    if (!still) return (yield* bisect(at, [low, high], tolerance * distance)).place;
    high = low;
  }
  return (yield* bisect(at, [0, high], tolerance * distance)).place;
}

function ofLengthOne(values: Float64Array): Float64Array {
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? values.map((value) => value / length) : values;
}
