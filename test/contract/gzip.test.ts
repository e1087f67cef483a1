/** Gzipped files are read the same everywhere: several members, padding, damage, and more than the header says. */
import { DataError, datasets } from 'kwta';
import { afterEach, describe, expect, it, vi } from 'vitest';

async function gzip(bytes: Uint8Array): Promise<Uint8Array> {
  const stream = new Response(new Uint8Array(bytes)).body as ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Uint8Array(await new Response(stream.pipeThrough(new CompressionStream('gzip'))).arrayBuffer());
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

/** An IDX file of `count` images of `side` x `side`: every pixel is its place, modulo 251. */
function images(count: number, side: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(16));
  [0x00000803, count, side, side].forEach((value, i) => {
    header.setUint32(4 * i, value);
  });
  return joined(
    new Uint8Array(header.buffer),
    Uint8Array.from({ length: count * side * side }, (_, i) => i % 251),
  );
}

const labels = (count: number): Uint8Array =>
  joined(Uint8Array.of(0, 0, 8, 1, 0, 0, count >> 8, count & 255), new Uint8Array(count));

const read = async (zipped: Uint8Array, count: number) =>
  (await datasets.idx({ images: zipped, labels: labels(count) })).images;

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a gzipped file', () => {
  const whole = images(130, 28);

  it.each([
    ['one member', (parts: Uint8Array[]) => Promise.all([gzip(joined(...parts))])],
    ['a member for each part', (parts: Uint8Array[]) => Promise.all(parts.map(gzip))],
    [
      'empty members between',
      async (parts: Uint8Array[]) => [await gzip(new Uint8Array(0)), ...(await Promise.all(parts.map(gzip)))],
    ],
  ])('of %s, with and without padding', async (_, zip) => {
    // Cuts inside the header, at its end, and about where the reader first stops.
    for (const at of [3, 16, 65_535, 65_536, 65_537, 100_000]) {
      const members = await zip([whole.slice(0, at), whole.slice(at)]);
      for (const padding of [0, 1, 512]) {
        const pixels = await read(joined(...members, new Uint8Array(padding)), 130);
        expect(pixels.length).toBe(130 * 784);
        expect(pixels.every((pixel, i) => pixel === i % 251)).toBe(true);
      }
    }
  });

  it('is read where the platform has no streams', async () => {
    const zipped = await gzip(whole);
    vi.stubGlobal('Blob', class {});
    vi.stubGlobal('DecompressionStream', undefined);
    vi.stubGlobal('Response', undefined);
    expect((await read(zipped, 130)).length).toBe(130 * 784);
  });

  it('is read from memory that is shared, or part of other memory', async () => {
    const zipped = await gzip(images(1, 3));
    const around = joined(Uint8Array.of(1, 2, 3), zipped, Uint8Array.of(4));
    expect((await read(around.subarray(3, -1), 1)).length).toBe(9);
    if (typeof SharedArrayBuffer === 'undefined') return;
    const shared = new Uint8Array(new SharedArrayBuffer(zipped.length));
    shared.set(zipped);
    expect((await read(shared, 1)).length).toBe(9);
  });

  it('that is damaged, cut or followed by something else is refused', async () => {
    const zipped = await gzip(whole);
    const flipped = (at: number) => zipped.map((byte, i) => (i === at ? byte ^ 0x10 : byte));
    const wrong = [
      ...[0.25, 0.5, 0.9].map((share) => zipped.slice(0, Math.floor(share * zipped.length))),
      ...[2, 3, 10, 11, 12, 18, 19, zipped.length - 1, zipped.length - 5, zipped.length - 8].map((at) =>
        zipped.slice(0, at),
      ),
      // The checksum, the length, the compression method, and values whose checksum then is wrong.
      ...[zipped.length - 6, zipped.length - 2, 2, zipped.length >> 1].map(flipped),
      joined(zipped, Uint8Array.of(0, 0, 1)),
      joined(zipped, Uint8Array.of(0x1f, 0x8b)),
      joined(zipped, zipped.slice(0, 40)),
    ];
    for (const bytes of wrong) await expect(read(bytes, 130), `${bytes.length} bytes`).rejects.toThrow(DataError);
  });

  it('that holds more than its header says is not unzipped further', async () => {
    const zeros = await gzip(new Uint8Array(2 ** 24));
    // Who went on would meet the damage behind it.
    const bomb = joined(await gzip(images(1, 3)), zeros, Uint8Array.of(0xff));
    await expect(read(bomb, 1)).rejects.toThrow(
      /expected 25 unzipped bytes, found more: there are bytes after the end/,
    );
  });

  it('whose header calls for more than gzip can hold is refused at once', async () => {
    const header = images(0, 0);
    new DataView(header.buffer).setUint32(4, 0xffffffff);
    new DataView(header.buffer).setUint32(8, 0xffff);
    new DataView(header.buffer).setUint32(12, 0xffff);
    const zipped = await gzip(joined(header, new Uint8Array(100_000)));
    await expect(read(zipped, 1)).rejects.toThrow(/cannot hold: the file is truncated/);
    await expect(read(header, 1)).rejects.toThrow(/found 16: the file is truncated/);
  });
});
