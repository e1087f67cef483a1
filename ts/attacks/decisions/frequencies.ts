/**
 * Random directions of low frequency: sums of the first waves of the discrete cosine transform, along both sides of an
 * image.
 */
import type { Random } from '../../base/random.js';
import type { Features } from '../../ops/op.js';

/** Draws a direction `[size]`. */
export type Draw = (random: Random, direction: Float64Array) => void;

/** Directions of the `count` lowest frequencies along each side, or of all that there are. */
export function waves({ c, h, w }: Features, count: number): Draw {
  const down = cosines(h, Math.min(count, h));
  const across = cosines(w, Math.min(count, w));
  const rows = down.length;
  return (random, direction) => {
    for (let channel = 0; channel < c; channel++) {
      // Each wave down has its own sum of waves across.
      const lines = Array.from({ length: rows }, () => {
        const line = new Float64Array(w);
        for (const wave of across) {
          const weight = random.normal();
          for (let column = 0; column < w; column++) line[column] += weight * wave[column];
        }
        return line;
      });
      for (let row = 0; row < h; row++) {
        const from = (channel * h + row) * w;
        for (let column = 0; column < w; column++) {
          let sum = 0;
          for (let u = 0; u < rows; u++) sum += down[u][row] * lines[u][column];
          direction[from + column] = sum;
        }
      }
    }
  };
}

/** The first waves over `n` places, each of length 1. */
function cosines(n: number, count: number): Float64Array[] {
  const turns = quarterTurns(n);
  return Array.from({ length: count }, (_, u) => {
    const scale = Math.sqrt((u === 0 ? 1 : 2) / n);
    return Float64Array.from({ length: n }, (__, place) => scale * turns[(u * (2 * place + 1)) % (4 * n)]);
  });
}

/** The cosines of 0, 1, ... 4n - 1 times pi / 2n, by additions and products: the same in every engine. */
function quarterTurns(n: number): Float64Array {
  const step = Math.PI / (2 * n);
  let first = 1;
  for (let term = 1, k = 1; k <= 24; k += 2) {
    term *= -(step * step) / (k * (k + 1));
    first += term;
  }
  const result = new Float64Array(4 * n);
  result[0] = 1;
  result[1 % result.length] = first;
  for (let i = 2; i < result.length; i++) result[i] = 2 * first * result[i - 1] - result[i - 2];
  return result;
}
