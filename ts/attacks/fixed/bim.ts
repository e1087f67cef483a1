/** The basic iterative method (Kurakin, Goodfellow & Bengio 2017): projected gradient ascent that begins at the sample. */
import { descriptor, type Output, tagged } from '../../base/schema.js';
import { type Attack, all } from '../core/attack.js';
import * as fields from '../core/fields.js';
import { ascend } from './pgd.js';

/** See `attacks.bim`. */
export const bimDescriptor = descriptor(
  tagged('bim', { norm: fields.norm(), steps: fields.steps(10), stepSize: fields.stepSize(), loss: fields.loss() }),
  { family: 'fixed', gradient: 'exact' },
);

/** What `attacks.bim` makes: plain data, its options with the defaults filled in. */
export type BimSpec = Output<typeof bimDescriptor.schema>;

export const bim: Attack<BimSpec> = function* (spec, { target, x, count, epsilon, warn }) {
  const points = x.slice();
  const stepSize = fields.stepSizeOf(spec, epsilon, warn);
  yield* ascend({ ...spec, earlyStop: false }, target, x, points, all(count), { epsilon, stepSize });
  return points;
};
