/**
 * The boundary attack (Brendel, Rauber & Bethge 2018): a random walk along the border of the adversarial region. Each step
 * goes aside, on the sphere around the sample, and then towards it; it is taken when it stays adversarial. Both parts grow and
 * shrink so that about half of the steps aside, and a quarter of the whole ones, are. l2.
 */
import { descriptor, integer, number, type Output, optional, tagged } from '../../base/schema.js';
import type { Attack } from '../core/attack.js';
import { type Asking, byDecisions, type Search, type Sought } from '../core/decisions.js';
import * as fields from '../core/fields.js';
import { borderStart } from './start.js';

/** See `attacks.boundary`. */
export const boundaryDescriptor = descriptor(
  tagged('boundary', {
    norm: fields.norm(['l2']),
    queries: optional(integer({ min: 1 }), 25_000),
    sphericalStep: optional(number({ above: 0 }), 0.01),
    sourceStep: optional(number({ above: 0, below: 1 }), 0.01),
    adaptation: optional(number({ above: 1 }), 1.5),
  }),
  { family: 'minimal', gradient: 'decisions' },
);

/** What `attacks.boundary` makes: plain data, its options with the defaults filled in. */
export type BoundarySpec = Output<typeof boundaryDescriptor.schema>;

/** How closely the start lies to the border, as a share of its distance. */
const startTolerance = 1e-3;

/** A step towards the sample that is shorter than this share of the distance wins nothing more. */
const shortest = 1e-7;

/** Whole steps for each time that the part aside is asked about by itself. */
const everySoMany = 10;

/** Answers from which a share of successes is told, and between which bounds it is to be. */
const aside = { answers: 10, low: 0.2, high: 0.5 };
const whole = { answers: 30, low: 0.1, high: 0.25 };

/** Tells from the last answers whether steps are to grow (1) or shrink (-1). */
class Trust {
  #answers: boolean[] = [];

  constructor(private readonly bounds: { answers: number; low: number; high: number }) {}

  /** Begins anew once it has told. */
  tell(answer: boolean): -1 | 0 | 1 {
    const { answers, low, high } = this.bounds;
    this.#answers.push(answer);
    if (this.#answers.length < answers) return 0;
    const share = this.#answers.filter(Boolean).length / answers;
    if (share >= low && share <= high) {
      this.#answers.shift();
      return 0;
    }
    this.#answers = [];
    return share > high ? 1 : -1;
  }
}

function* search(spec: BoundarySpec, sought: Sought): Search {
  const start = yield* borderStart(sought, startTolerance);
  if (start !== undefined) yield* walk(spec, sought, start);
}

export const boundary: Attack<BoundarySpec> = (spec, batch) => byDecisions(search, spec, batch);

function* walk(
  { sphericalStep, sourceStep, adaptation }: BoundarySpec,
  sought: Sought,
  from: Float32Array,
): Asking<void> {
  const sideways = new Trust(aside);
  const inwards = new Trust(whole);
  let point = from;
  let sphere = sphericalStep;
  let source = sourceStep;
  for (let step = 1; source > shortest; step++) {
    const distance = sought.distanceOf(point);
    const moved = besides(sought, point, distance, sphere);
    if (step % everySoMany === 0) {
      const [reached] = yield moved;
      const change = factor(sideways.tell(reached), adaptation);
      // Where the border is less curved, it is also less steep.
      sphere *= change;
      source *= change;
      if (!reached) continue;
    }
    const candidate = shrunk(sought, moved, (1 - source) * distance);
    const [reached] = yield candidate;
    if (reached) point = candidate;
    source = Math.min(source * factor(inwards.tell(reached), adaptation), 0.5);
  }
}

function factor(way: -1 | 0 | 1, adaptation: number): number {
  if (way === 0) return 1;
  return way > 0 ? adaptation : 1 / adaptation;
}

/** A random point beside another on the sphere around the sample, `share` of its radius away. */
function besides({ x, random }: Sought, point: Float32Array, radius: number, share: number): Float32Array {
  const direction = Float64Array.from(point, () => random.normal());
  let along = 0;
  for (let i = 0; i < x.length; i++) along += (direction[i] * (point[i] - x[i])) / radius;
  let length = 0;
  for (let i = 0; i < x.length; i++) {
    direction[i] -= (along * (point[i] - x[i])) / radius;
    length += direction[i] ** 2;
  }
  const scale = length > 0 ? (share * radius) / Math.sqrt(length) : 0;
  const back = 1 / Math.sqrt(1 + share * share);
  return point.map((value, i) => inBox(x[i] + back * (value - x[i] + scale * direction[i])));
}

/** A point on the line to the sample, at this distance from it. */
function shrunk(sought: Sought, point: Float32Array, distance: number): Float32Array {
  const own = sought.distanceOf(point);
  const scale = own > 0 ? distance / own : 0;
  return point.map((value, i) => sought.x[i] + scale * (value - sought.x[i]));
}

const inBox = (value: number): number => Math.min(Math.max(value, 0), 1);
