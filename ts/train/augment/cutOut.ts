/** A square of a sample set to zero, around any of its pixels; what would be outside is cut (DeVries & Taylor 2017). */
import { descriptor, integer, type Output, tagged } from '../../base/schema.js';
import type { AugmentTraits, Change } from './picture.js';

export type CutOutSpec = Output<typeof cutOutDescriptor.schema>;

const traits: AugmentTraits = { mixes: false };

export const cutOutDescriptor = descriptor(tagged('cutOut', { size: integer({ min: 1 }) }), traits);

export const cutOut: Change<CutOutSpec> = ({ size }, { values, channels, height, width }, random) => {
  const top = random.integer(height) - Math.floor(size / 2);
  const left = random.integer(width) - Math.floor(size / 2);
  const [from, to] = [Math.max(left, 0), Math.min(left + size, width)];
  for (let c = 0; c < channels; c++) {
    for (let y = Math.max(top, 0); y < Math.min(top + size, height); y++) {
      const row = (c * height + y) * width;
      values.fill(0, row + from, row + to);
    }
  }
};
