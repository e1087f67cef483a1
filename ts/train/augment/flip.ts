/** A sample mirrored from left to right, with a probability. */
import { descriptor, number, type Output, optional, tagged } from '../../base/schema.js';
import type { AugmentTraits, Change } from './picture.js';

export type FlipSpec = Output<typeof flipDescriptor.schema>;

const traits: AugmentTraits = { mixes: false };

export const flipDescriptor = descriptor(tagged('flip', { p: optional(number({ min: 0, max: 1 }), 0.5) }), traits);

export const flip: Change<FlipSpec> = ({ p }, { values, width }, random) => {
  if (random.uniform() >= p) return;
  for (let row = 0; row < values.length; row += width) values.subarray(row, row + width).reverse();
};
