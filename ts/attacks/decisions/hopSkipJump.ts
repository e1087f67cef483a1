/**
 * HopSkipJump (Chen, Jordan & Wainwright 2020): from a point on the border of the adversarial region, a step along its
 * normal, estimated from decisions at random points around it, as far as the region goes; then back to the border on the way
 * to the sample. l2 and linf.
 */
import { descriptor, type Output, tagged } from '../../base/schema.js';
import type { Attack } from '../core/attack.js';
import { byDecisions, type Search, type Sought } from '../core/decisions.js';
import * as fields from '../core/fields.js';
import { normalAt, reach, toBorder } from './border.js';
import type { Draw } from './frequencies.js';
import { borderStart } from './start.js';

/** See `attacks.hopSkipJump`. */
export const hopSkipJumpDescriptor = descriptor(
  tagged('hopSkipJump', {
    norm: fields.norm(['linf', 'l2']),
    steps: fields.steps(64),
    initialEvaluations: fields.steps(100),
    maxEvaluations: fields.steps(10_000),
  }),
  { family: 'minimal', gradient: 'decisions' },
);

/** What `attacks.hopSkipJump` makes: plain data, its options with the defaults filled in. */
export type HopSkipJumpSpec = Output<typeof hopSkipJumpDescriptor.schema>;

/** How far the first directions go: nothing is known of the distance yet. */
const firstDelta = 0.1;

/** Directions of each norm. */
const draws: Readonly<Record<'l2' | 'linf', Draw>> = {
  l2(random, direction) {
    for (let i = 0; i < direction.length; i++) direction[i] = random.normal();
  },
  linf(random, direction) {
    for (let i = 0; i < direction.length; i++) direction[i] = 2 * random.uniform() - 1;
  },
};

/** Halvings of a step before it is given up. */
const halvings = 30;

function* search({ norm, steps, initialEvaluations, maxEvaluations }: HopSkipJumpSpec, sought: Sought): Search {
  const size = sought.x.length;
  // A direction of length delta moves by delta / sqrt(size) along the normal.
  const tolerance = norm === 'l2' ? reach / Math.sqrt(size) : reach / size;
  const start = yield* borderStart(sought, tolerance);
  if (start === undefined) return;
  let point = start;
  for (let step = 1; step <= steps; step++) {
    const distance = sought.distanceOf(point);
    const delta = step === 1 ? firstDelta : reach * distance;
    const count = Math.min(Math.floor(initialEvaluations * Math.sqrt(step)), maxEvaluations);
    const normal = yield* normalAt(sought, point, { count, delta, draw: draws[norm] });
    let length = distance / Math.sqrt(step);
    for (let halving = 0; halving < halvings; halving++, length /= 2) {
      const next = point.map((value, i) => value + length * (norm === 'l2' ? normal[i] : Math.sign(normal[i])));
      const [reached] = yield next;
      if (!reached) continue;
      point = yield* toBorder(sought, next, tolerance);
      break;
    }
    sought.done = step / steps;
  }
}

export const hopSkipJump: Attack<HopSkipJumpSpec> = (spec, batch) => byDecisions(search, spec, batch);
