/** Images in another size, by bilinear interpolation between the four pixels around a place (`align_corners=False`). */
import type { Picture } from './decodeImage.js';

/** Pixels in bytes; where an image becomes smaller, pixels in between are passed over. */
export function resized(
  { channels, height, width, pixels }: Picture,
  [toHeight, toWidth]: readonly [number, number],
): Picture {
  const rows = places(height, toHeight);
  const columns = places(width, toWidth);
  const result = new Uint8Array(channels * toHeight * toWidth);
  let at = 0;
  for (let c = 0; c < channels; c++) {
    for (const [top, bottom, down] of rows) {
      const [upper, lower] = [top, bottom].map((row) => (c * height + row) * width);
      for (const [left, right, along] of columns) {
        const above = pixels[upper + left] * (1 - along) + pixels[upper + right] * along;
        const below = pixels[lower + left] * (1 - along) + pixels[lower + right] * along;
        result[at++] = Math.round(above * (1 - down) + below * down);
      }
    }
  }
  return { channels, height: toHeight, width: toWidth, pixels: result };
}

/** For each new pixel the two old ones around its centre, and how far it is from the first. */
function places(from: number, to: number): [number, number, number][] {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(Math.max(((i + 0.5) * from) / to - 0.5, 0), from - 1);
    const first = Math.floor(place);
    return [first, Math.min(first + 1, from - 1), place - first];
  });
}
