/**
 * Fast minimum norm (Pintor et al. 2021), in every norm: steps along the gradient of the margin, projected to a ball
 * whose radius is that of the border in a linear picture until the goal is reached for the first time; from then on it
 * shrinks where the goal is reached and grows where it is not. In l0 the radius begins at 1, and changes by 1 at least.
 */
import { cosineFall } from '../../base/elementary.js';
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import { type Attack, all } from '../core/attack.js';
import { Closest } from '../core/closest.js';
import { descend } from '../core/descent.js';
import * as fields from '../core/fields.js';
import { dualLength } from '../core/hyperplane.js';
import { keepLargest } from '../core/l0.js';
import { balls, clipToBox, norms } from '../core/norms.js';

/** See `attacks.fmn`. */
export const fmnDescriptor = descriptor(
  tagged('fmn', {
    norm: fields.norm(norms),
    steps: fields.steps(100),
    stepSize: optional(number({ above: 0 }), 1),
    gamma: optional(number({ above: 0, below: 1 }), 0.05),
  }),
  { family: 'minimal', gradient: 'exact' },
);

/** What `attacks.fmn` makes: plain data, its options with the defaults filled in. */
export type FmnSpec = Output<typeof fmnDescriptor.schema>;

/** What a cosine leads to: the last step, as a share of the first, and the last share that a radius changes by. */
const lastStep = 0.01;
const lastGamma = 0.001;

export const fmn: Attack<FmnSpec> = function* ({ norm, steps, stepSize, gamma }, batch) {
  const { x, count } = batch;
  const ball = balls[norm];
  const found = new Closest(batch, norm);
  const radii = new Float64Array(count).fill(norm === 'l0' ? 1 : Number.POSITIVE_INFINITY);
  const whole = { loss: 'margin', steps, samples: all(count) } as const;
  yield* descend(batch, x.slice(), found, whole, ({ i, step, point, original, loss, slope, there }) => {
    const fall = cosineFall(step, steps);
    const share = lastGamma + (gamma - lastGamma) * fall;
    const [less, more] = [radii[i] * (1 - share), radii[i] * (1 + share)];
    if (norm === 'l0') {
      const fewer = Math.min(Math.floor(less), radii[i] - 1, found.distance[i]);
      radii[i] = there ? Math.max(fewer, 1) : Math.min(Math.max(Math.floor(more), radii[i] + 1), point.length);
    } else if (there) radii[i] = Math.min(less, found.distance[i]);
    else if (found.has(i)) radii[i] = more;
    else {
      // A little beyond the border, for on the way to the border itself rounding would keep a linear model from it.
      const border = ball.distances(point, original, point.length)[0] - loss / dualLength(slope, norm);
      radii[i] = border * (1 + lastGamma);
    }
    const length = dualLength(slope, 'l2');
    // Without a gradient there is nowhere to go.
    if (length === 0) return;
    const scale = (stepSize * (lastStep + (1 - lastStep) * fall)) / length;
    for (let p = 0; p < point.length; p++) point[p] += scale * slope[p];
    if (norm === 'l0') {
      // By size alone, as in the paper: what would leave the box counts in full, and its pixel stays at the wall.
      const sizes = Float64Array.from(point, (value, p) => Math.abs(value - original[p]));
      keepLargest(point, original, sizes, radii[i]);
    } else if (radii[i] < Number.POSITIVE_INFINITY) ball.project(point, original, radii[i], point.length);
    clipToBox(point);
  });
  return found.points;
};
