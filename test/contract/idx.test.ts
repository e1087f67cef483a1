/** The IDX format, tried with whatever bytes: what is written is read, and what is wrong is refused as data. */
import * as fc from 'fast-check';
import { datasets } from 'kwta';
import { describe, expect, it } from 'vitest';

/** A file of unsigned bytes. */
function idxFile(shape: readonly number[], values: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 + shape.length);
  for (const [i, extent] of shape.entries()) view.setUint32(4 + 4 * i, extent);
  bytes.set(values, 4 + 4 * shape.length);
  return bytes;
}

const bytes = (length: number, max = 255) => fc.uint8Array({ minLength: length, maxLength: length, max });
const pair = fc
  .tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }))
  .chain(([n, h, w]) => fc.record({ shape: fc.constant([n, h, w]), pixels: bytes(n * h * w), labels: bytes(n) }));

describe('a pair of IDX files', () => {
  it('is read as it was written', async () => {
    await fc.assert(
      fc.asyncProperty(pair, async ({ shape, pixels, labels }) => {
        const data = await datasets.idx({
          images: idxFile(shape, pixels),
          labels: idxFile(shape.slice(0, 1), labels),
        });
        expect([data.length, ...data.shape]).toEqual([shape[0], 1, ...shape.slice(1)]);
        expect(Array.from(data.images)).toEqual(Array.from(pixels));
        expect(Array.from(data.labels)).toEqual(Array.from(labels));
        expect(data.classes).toBe(Math.max(2, 1 + labels.reduce((a, b) => Math.max(a, b))));
      }),
    );
  });

  it('of any bytes is refused as data, or holds exactly what its headers say', async () => {
    const extents = fc.array(fc.oneof(fc.nat(4), fc.nat(0xffffffff)), { minLength: 1, maxLength: 4 });
    const file = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.tuple(extents, fc.uint8Array({ maxLength: 30 })).map(([shape, values]) => idxFile(shape, values)),
      // The magic bytes of gzip, and anything behind them.
      fc.uint8Array({ maxLength: 40 }).map((rest) => Uint8Array.of(0x1f, 0x8b, 8, 0, ...rest)),
    );
    const good = pair.map(({ shape, pixels }) => idxFile(shape, pixels));
    await fc.assert(
      fc.asyncProperty(fc.oneof(file, good), file, async (images, labels) => {
        const [dataset] = await Promise.allSettled([datasets.idx({ images, labels })]);
        if (dataset.status === 'rejected') expect(dataset.reason.name).toBe('DataError');
        else expect(images.length).toBe(16 + dataset.value.images.length);
      }),
      { numRuns: 1000 },
    );
  });
});
