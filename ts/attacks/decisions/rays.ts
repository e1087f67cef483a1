/**
 * RayS (Chen & Gu 2020): looks for the corner of the cube around the sample, a sign for each pixel, in whose direction the
 * adversarial region begins nearest. Signs are turned over in blocks of pixels, half as large in each round; a turn that is
 * adversarial at the present radius stays, and the radius shrinks to where the region begins. linf.
 *
 * The paper begins with all signs alike. Here that, and its opposite, come first; other corners follow, which a target
 * needs.
 */
import { descriptor, integer, type Output, optional, tagged } from '../../base/schema.js';
import type { Attack } from '../core/attack.js';
import { type Asking, byDecisions, type Search, type Sought } from '../core/decisions.js';
import * as fields from '../core/fields.js';
import { along, bisect } from './border.js';
import { startOf } from './start.js';

/** See `attacks.rays`. */
export const raysDescriptor = descriptor(
  tagged('rays', {
    norm: fields.norm(['linf']),
    queries: optional(integer({ min: 1 }), 10_000),
  }),
  { family: 'minimal', gradient: 'decisions' },
);

/** What `attacks.rays` makes: plain data, its options with the defaults filled in. */
export type RaysSpec = Output<typeof raysDescriptor.schema>;

/** How exactly a radius is known, as a share of it. */
const tolerance = 2e-4;

function* search(_: RaysSpec, sought: Sought): Search {
  const signs = yield* corner(sought);
  if (signs === undefined) return;
  const size = signs.length;
  let radius = yield* shrink(sought, signs, 1);
  for (let blocks = 1; ; blocks = blocks < size ? Math.min(2 * blocks, size) : 1) {
    for (let block = 0; block < blocks; block++) {
      const from = Math.floor((block * size) / blocks);
      const to = Math.floor(((block + 1) * size) / blocks);
      turn(signs, from, to);
      const [reached] = yield along(sought, signs, radius);
      if (reached) radius = yield* shrink(sought, signs, radius);
      else turn(signs, from, to);
    }
  }
}

export const rays: Attack<RaysSpec> = (spec, batch) => byDecisions(search, spec, batch);

/** Signs in whose direction the region is met inside the box. */
function* corner(sought: Sought): Asking<Int8Array | undefined> {
  const { x } = sought;
  for (const sign of [1, -1]) {
    const signs = new Int8Array(x.length).fill(sign);
    const [reached] = yield along(sought, signs, 1);
    if (reached) return signs;
  }
  const image = yield* startOf(sought, true);
  return image && Int8Array.from(image, (value) => (value > 0.5 ? 1 : -1));
}

function turn(signs: Int8Array, from: number, to: number): void {
  for (let i = from; i < to; i++) signs[i] = -signs[i];
}

/** The smallest radius in this direction that is adversarial, below one that is. */
function* shrink(sought: Sought, signs: Int8Array, radius: number): Asking<number> {
  const at = (place: number) => along(sought, signs, place);
  // Most turns win little: ever longer steps down, until one leaves the region.
  let high = radius;
  for (let step = 16 * tolerance * radius; step < radius; step *= 4) {
    const low = radius - step;
    const [reached] = yield at(low);
    if (!reached) return (yield* bisect(at, [low, high], tolerance * radius)).place;
    high = low;
  }
  return (yield* bisect(at, [0, high], tolerance * high)).place;
}
