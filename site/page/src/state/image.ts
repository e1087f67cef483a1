/** The image that is looked at and attacked: a test image, or one that was drawn or dropped. */
import { computed } from '@preact/signals';
import type { Tensor } from 'kwta';
import { split } from './data.js';
import { networks } from './networks.js';
import { decodePixels, encodePixels, SIDE } from './pixels.js';
import { change, settings } from './settings.js';

export interface Image {
  pixels: Float32Array;
  /** Its true class, as the test set or the user says. */
  label: number;
}

/** Each changes alone, so that other settings leave the image what it is. */
const drawn = computed(() => settings.value.drawn);
const drawnLabel = computed(() => settings.value.label);
const number = computed(() => settings.value.image);

export const image = computed<Image | undefined>(() => {
  const test = split.value?.test;
  if (test === undefined) return undefined;
  const pixels = drawn.value === '' ? undefined : decodePixels(drawn.value);
  if (pixels !== undefined) return { pixels, label: Math.min(drawnLabel.value, test.classes - 1) };
  const at = Math.min(number.value, test.length - 1);
  return { pixels: test.tensor([at]).data, label: test.labels[at] };
});

/** Images as the networks take them. */
export function tensorOf(...images: Float32Array[]): Tensor {
  const data = new Float32Array(images.length * SIDE * SIDE);
  for (const [i, pixels] of images.entries()) data.set(pixels, i * SIDE * SIDE);
  return { shape: [images.length, 1, SIDE, SIDE], data };
}

/** The user has said what the image shows. */
let said = false;

export function chooseImage(number: number): void {
  said = false;
  change({ image: number, drawn: '' });
}

/** What an image of the user's own shows. */
export function sayLabel(label: number): void {
  said = true;
  change({ label });
}

/** An image of the user's own; until they say what it shows, what the last network takes it for. */
export async function useImage(pixels: Float32Array): Promise<void> {
  const model = networks.peek().at(-1)?.model;
  const drawn = encodePixels(pixels);
  if (said || model === undefined) change({ drawn });
  else change({ drawn, label: (await model.predict(tensorOf(pixels)))[0] });
}
