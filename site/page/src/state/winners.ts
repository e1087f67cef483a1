/** Which values win in the k-WTA layers: for the image as it is, and for the image after a move. */
import { effect, signal } from '@preact/signals';
import { nn } from 'kwta';
import { lastOf, paths } from './attack.js';
import { image, tensorOf } from './image.js';
import { fail } from './lab.js';
import { networks, progress } from './networks.js';
import { settings } from './settings.js';

/** A layer's winners before and after the move. */
export interface LayerWinners {
  layer: string;
  /** `[C, H, W]` of its values. */
  shape: [number, number, number];
  before: Uint32Array;
  after: Uint32Array;
  /** Share of the winners that win no more. */
  lost: number;
}

/** What moved the image. */
export type Move = 'noise' | 'attack';

export const winners = signal<{ move: Move; layers: readonly LayerWinners[] }>({ move: 'noise', layers: [] });

/** Milliseconds between two looks while a network is trained. */
const pause = 400;

/** Looks again whenever the image, its move or the network has changed. */
export function followWinners(): void {
  let busy = false;
  let again = false;
  let looked = 0;
  const look = async (): Promise<void> => {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    do {
      again = false;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, looked + pause - performance.now())));
      looked = performance.now();
      try {
        await measure();
      } catch (error) {
        // A network that was reset meanwhile has no winners.
        if (networks.peek().length > 0) fail(error);
      }
    } while (again);
    busy = false;
  };
  effect(() => {
    void [image.value, paths.value, networks.value, progress.value, settings.value.noise];
    void look();
  });
}

async function measure(): Promise<void> {
  const now = image.peek();
  const network = networks.peek().find(({ name }) => name === 'kwta');
  if (now === undefined || network === undefined) {
    winners.value = { move: 'noise', layers: [] };
    return;
  }
  const path = paths.peek().find(({ network }) => network === 'kwta');
  const attacked = path !== undefined && path.points.length > 1;
  const moved = attacked ? lastOf(path).pixels : noisy(now.pixels, settings.peek().noise);
  const patterns = await network.model.activationPattern(tensorOf(now.pixels, moved));
  const shapes = new Map(nn.summary(network.model.spec).map(({ layer, output }) => [layer, output]));
  winners.value = {
    move: attacked ? 'attack' : 'noise',
    layers: patterns.map(({ layer, indices: [before, after] }) => {
      const still = new Set(after);
      const lost = before.filter((index) => !still.has(index)).length / before.length;
      return { layer, shape: shapes.get(layer) ?? [before.length, 1, 1], before, after, lost };
    }),
  };
}

/** The same noise each time, so that only its strength moves the picture. */
function noisy(pixels: Float32Array, sigma: number): Float32Array {
  let state = 1;
  const uniform = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state + 0.5) / 2 ** 32;
  };
  return pixels.map((pixel) => {
    const normal = Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    return Math.min(1, Math.max(0, pixel + sigma * normal));
  });
}
