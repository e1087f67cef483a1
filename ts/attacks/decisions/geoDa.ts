/**
 * GeoDA (Rahmati, Moosavi-Dezfooli, Frossard & Dai 2020): takes the border of the adversarial region for flat. Its normal is
 * estimated by decisions at a point of it, from random directions of low frequency; the next point is the nearest one that
 * the flat border would have, moved along the normal onto the real one. Each round has more queries than the one before. linf,
 * l2 and l1.
 */
import { descriptor, integer, type Output, optional, tagged } from '../../base/schema.js';
import type { Attack } from '../core/attack.js';
import { type Asking, byDecisions, type Search, type Sought } from '../core/decisions.js';
import * as fields from '../core/fields.js';
import { projectionOf } from '../core/hyperplane.js';
import { bisect, normalAt, reach } from './border.js';
import { waves } from './frequencies.js';
import { borderStart } from './start.js';

/** See `attacks.geoDa`. */
export const geoDaDescriptor = descriptor(
  tagged('geoDa', {
    norm: fields.norm(['linf', 'l2', 'l1']),
    queries: optional(integer({ min: 1 }), 10_000),
    frequencies: optional(integer({ min: 1 }), 10),
  }),
  { family: 'minimal', gradient: 'decisions' },
);

/** What `attacks.geoDa` makes: plain data, its options with the defaults filled in. */
export type GeoDaSpec = Output<typeof geoDaDescriptor.schema>;

/** Queries of the first estimate are at most so many; the next ones grow by 0.6^(-2/3). */
const firstEstimate = 80;
const growth = 1.4057211;

/** Queries of a round beside its estimate, about. */
const onTheWay = 25;

/** How exactly the way to the border is known, as a share of it. */
const tolerance = 1e-4;

/** How often the way is made longer by half to meet the border. */
const lengthenings = 12;

function* search({ norm, frequencies }: GeoDaSpec, sought: Sought): Search {
  const { x, input } = sought;
  const size = x.length;
  const start = yield* borderStart(sought, reach / Math.sqrt(size));
  if (start === undefined) return;
  const draw = waves(input, frequencies);
  let point = start;
  let distance = sought.distanceOf(point);
  const normal = new Float64Array(size);
  for (const count of estimates(sought.affordable)) {
    const change = Math.sqrt(point.reduce((sum, value, i) => sum + (value - x[i]) ** 2, 0));
    const found = yield* normalAt(sought, point, {
      ...{ count, delta: reach * change, draw },
      // In l1 it is the steepest values alone that move.
      evenly: norm === 'l1',
    });
    for (let i = 0; i < size; i++) normal[i] += found[i] * count;
    const next = yield* alongNormal(sought, normal, point);
    if (next === undefined) continue;
    const nearer = sought.distanceOf(next);
    if (nearer >= distance) continue;
    point = next;
    distance = nearer;
  }

  /** The nearest point that lies as far along a normal as the border. */
  function* alongNormal(of: Sought, towards: Float64Array, border: Float32Array): Asking<Float32Array | undefined> {
    const slope = Float32Array.from(towards, (value) => -value);
    const move = new Float64Array(size);
    const project = projectionOf(norm, size);
    const at = (gap: number): Float32Array => {
      project(of.x, slope, gap, move);
      return of.x.map((value, i) => value + move[i]);
    };
    // Where a flat border would be.
    let gap = Math.max(
      border.reduce((sum, value, i) => sum - slope[i] * (value - of.x[i]), 0),
      0,
    );
    let before = 0;
    for (let round = 0; round < lengthenings; round++) {
      const far = at(gap);
      const [reached] = yield far;
      if (reached) return (yield* bisect(at, [before, gap], tolerance * gap)).point ?? far;
      before = gap;
      gap *= 1.5;
    }
    return undefined;
  }
}

export const geoDa: Attack<GeoDaSpec> = (spec, batch) => byDecisions(search, spec, batch);

/** Queries of the estimates, for so many in all. */
function estimates(total: number): number[] {
  const shares = [1];
  for (;;) {
    const sum = shares.reduce((all, share) => all + share, 0);
    const first = (total - onTheWay * shares.length) / sum;
    if (first <= firstEstimate) return shares.map((share) => Math.max(1, Math.floor(share * first)));
    shares.push(growth * shares[shares.length - 1]);
  }
}
