/** A sample padded with zeros on all sides, and cut to its size at a random place: moved by up to `padding` pixels. */
import { descriptor, integer, type Output, tagged } from '../../base/schema.js';
import type { AugmentTraits, Change } from './picture.js';

export type PadCropSpec = Output<typeof padCropDescriptor.schema>;

const traits: AugmentTraits = { mixes: false };

export const padCropDescriptor = descriptor(tagged('padCrop', { padding: integer({ min: 1 }) }), traits);

export const padCrop: Change<PadCropSpec> = ({ padding }, { values, channels, height, width }, random) => {
  const down = random.integer(2 * padding + 1) - padding;
  const right = random.integer(2 * padding + 1) - padding;
  const before = values.slice();
  values.fill(0);
  const columns = width - Math.abs(right);
  if (columns <= 0) return;
  const from = Math.max(right, 0);
  const to = Math.max(-right, 0);
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      const source = y + down;
      if (source < 0 || source >= height) continue;
      const row = (c * height + source) * width + from;
      values.set(before.subarray(row, row + columns), (c * height + y) * width + to);
    }
  }
};
