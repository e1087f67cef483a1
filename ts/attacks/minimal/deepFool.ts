/**
 * DeepFool (Moosavi-Dezfooli, Fawzi & Frossard 2016): takes the model for linear around a point, steps to the nearest
 * border of the true class, and repeats from there; l2 and linf. With targets, the border is that of the target.
 */
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { type Attack, all, pick } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { clipToBox, type Norm } from '../core/norms.js';

/** See `attacks.deepFool`. */
export const deepFoolDescriptor = descriptor(
  tagged('deepFool', {
    norm: fields.norm(['linf', 'l2']),
    steps: fields.steps(50),
    overshoot: optional(number({ min: 0 }), 0.02),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.deepFool` makes: plain data, its options with the defaults filled in. */
export type DeepFoolSpec = Output<typeof deepFoolDescriptor.schema>;

/** Added to each step's length, so that a step to the border is one beyond it. */
const beyond = 1e-4;

export const deepFool: Attack<DeepFoolSpec> = function* ({ norm, steps, overshoot }, { target, x, count }) {
  const { size, classes, goal } = target;
  const result = x.slice();
  let active = all(count);
  for (let step = 0; step < steps; step++) {
    active = target.afford(active, target.jacobianCost);
    const { logits, gradients } = yield* target.jacobian(pick(result, active, size), active);
    const rowOf = (at: number): Float32Array => logits.subarray(at * classes, (at + 1) * classes);
    const left = all(active.length).filter((at) => goal.margin(rowOf(at), active[at]) <= 0);
    for (const at of left) {
      const i = active[at];
      const jacobian = gradients.subarray(at * classes * size, (at + 1) * classes * size);
      const move = nearestBorder(rowOf(at), jacobian, goal.bordersOf(rowOf(at), i), size, norm);
      if (move === undefined) continue;
      // From where the box has left it: a sum of all steps would keep what was cut off, and go farther.
      const point = result.subarray(i * size, (i + 1) * size);
      for (let p = 0; p < size; p++) point[p] += (1 + overshoot) * move[p];
      clipToBox(point);
    }
    active = left.map((at) => active[at]);
    if (active.length === 0) break;
    yield (step + 1) / steps;
  }
  return result;
};

/** A step to the nearest border between two classes, if any can be reached along the gradients. */
function nearestBorder(
  logits: Float32Array,
  jacobian: Float32Array,
  borders: readonly (readonly [from: number, to: number])[],
  size: number,
  norm: Norm,
): Float64Array | undefined {
  let nearest = Number.POSITIVE_INFINITY;
  let best: Float64Array | undefined;
  for (const [from, to] of borders) {
    const slope = new Float64Array(size);
    let length = 0;
    for (let p = 0; p < size; p++) {
      slope[p] = jacobian[to * size + p] - jacobian[from * size + p];
      length += norm === 'l2' ? slope[p] * slope[p] : Math.abs(slope[p]);
    }
    if (norm === 'l2') length = Math.sqrt(length);
    const distance = (logits[from] - logits[to]) / length;
    if (length === 0 || distance >= nearest) continue;
    nearest = distance;
    const along = distance + beyond;
    best = slope.map((value) => (norm === 'l2' ? (along * value) / length : along * Math.sign(value)));
  }
  return best;
}
