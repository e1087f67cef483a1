/** Pictures made of numbers: images, what an attack has added, winners by layer, a loss on a plane. */
import type { LayerWinners } from '../state/winners.js';
import { colour, mix, type Rgb } from './theme.js';

/** A picture of its own size; the page enlarges it. */
export interface Picture {
  width: number;
  height: number;
  /** The colour of each pixel, row by row. */
  at(x: number, y: number): Rgb;
}

export function paint(canvas: HTMLCanvasElement, { width, height, at }: Picture): void {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  if (context === null) return;
  const data = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [red, green, blue] = at(x, y);
      data.data.set([red, green, blue, 255], 4 * (y * width + x));
    }
  }
  context.putImageData(data, 0, 0);
}

/** Grey, in the size it has. */
export function greyPicture(pixels: Float32Array, side: number): Picture {
  const at = (x: number, y: number): Rgb => {
    const grey = 255 * pixels[y * side + x];
    return [grey, grey, grey];
  };
  return { width: side, height: side, at };
}

/** What was added, from -epsilon to epsilon: darker one colour, brighter another. */
export function changePicture(from: Float32Array, to: Float32Array, side: number, epsilon: number): Picture {
  const [none, less, more] = [colour('sunken'), colour('lost'), colour('gained')];
  const at = (x: number, y: number): Rgb => {
    const share = (to[y * side + x] - from[y * side + x]) / epsilon;
    return mix(none, share < 0 ? less : more, Math.min(1, Math.abs(share)));
  };
  return { width: side, height: side, at };
}

/** All channels of a layer side by side; winners that stay, that are lost, and that are new. */
export function winnersPicture({ shape: [channels, height, width], before, after }: LayerWinners): Picture {
  const columns = Math.ceil(Math.sqrt(channels * (height / width)));
  const rows = Math.ceil(channels / columns);
  const states = new Uint8Array(channels * height * width);
  for (const index of before) states[index] += 1;
  for (const index of after) states[index] += 2;
  const [paper, ground] = [colour('card'), colour('sunken')];
  const colours = [ground, colour('lost'), colour('gained'), colour('stays')];
  // One pixel of distance between channels.
  const [stepX, stepY] = [width + 1, height + 1];
  const at = (x: number, y: number): Rgb => {
    const [column, row] = [Math.floor(x / stepX), Math.floor(y / stepY)];
    const channel = row * columns + column;
    const [i, j] = [x % stepX, y % stepY];
    if (i === width || j === height || channel >= channels) return paper;
    return colours[states[(channel * height + j) * width + i]];
  };
  return { width: columns * stepX - 1, height: rows * stepY - 1, at };
}

/** The loss on a plane: brighter where it is larger, and in another colour where the class is another. */
export function landscapePicture(
  losses: readonly (readonly number[])[],
  classes: readonly (readonly number[])[],
  label: number,
  most: number,
): Picture {
  const [low, right, wrong] = [colour('sunken'), colour('stays'), colour('lost')];
  const side = losses.length;
  const at = (x: number, y: number): Rgb => {
    // The second axis points up.
    const row = side - 1 - y;
    // The root tells small losses apart.
    const share = Math.sqrt(Math.min(1, Math.max(0, losses[row][x] / most)));
    return classes[row][x] === label ? mix(low, right, share) : mix(low, wrong, 0.25 + 0.75 * share);
  };
  return { width: side, height: side, at };
}
