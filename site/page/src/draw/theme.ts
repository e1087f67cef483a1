/** Colours of the page, for what is drawn by hand; pictures are drawn again when light and dark change places. */
import { signal } from '@preact/signals';

const query = matchMedia('(prefers-color-scheme: dark)');

export const dark = signal(query.matches);
query.addEventListener('change', () => {
  dark.value = query.matches;
});

export type Rgb = readonly [red: number, green: number, blue: number];

const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });

/** A colour of the style sheet, as numbers of 0 to 255. */
export function colour(name: string): Rgb {
  if (context === null) return [128, 128, 128];
  context.fillStyle = cssColour(name);
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

/** The same as CSS has it, without light-dark(). */
export function cssColour(name: string): string {
  const probe = document.documentElement;
  const text = getComputedStyle(probe).getPropertyValue(`--${name}`).trim();
  const pair = text.match(/^light-dark\(\s*(#\w+)\s*,\s*(#\w+)\s*\)$/);
  if (pair === null) return text;
  return dark.peek() ? pair[2] : pair[1];
}

export function mix(from: Rgb, to: Rgb, share: number): Rgb {
  const part = (i: 0 | 1 | 2): number => from[i] + (to[i] - from[i]) * share;
  return [part(0), part(1), part(2)];
}
