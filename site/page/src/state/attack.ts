/**
 * Attacks the chosen image step by step. An attack that may ask for so many queries ends where one that may ask for more has
 * come by then, to the bit; so a step is the whole attack again with a larger budget, and a path is what they give.
 */
import { computed, effect, signal } from '@preact/signals';
import { analysis, attacks, type LayerChange, type Model } from 'kwta';
import { className } from './data.js';
import { type Image, image, tensorOf } from './image.js';
import { epochsDone, fail, phase, status } from './lab.js';
import { type NetworkName, networks, titles } from './networks.js';
import { type Settings, settings } from './settings.js';

/** One of the attacks: its plan, and what a step of it may ask. */
interface Plan {
  title: string;
  spec: Parameters<Model['attack']>[0];
  /** Queries of a step, forward plus backward. */
  perStep: number;
  steps: number;
}

const samples = 60;

export const plans: Record<Settings['attack'], Plan> = {
  fgsm: { title: 'FGSM', spec: attacks.fgsm(), perStep: 2, steps: 1 },
  pgd: { title: 'PGD', spec: attacks.pgd({ steps: 20, earlyStop: true }), perStep: 2, steps: 20 },
  estimated: {
    title: 'Estimated gradient',
    spec: attacks.estimatedGradient({ steps: 30, samples }),
    perStep: samples + 1,
    steps: 30,
  },
  square: { title: 'Square', spec: attacks.square({ queries: 1000 }), perStep: 20, steps: 50 },
};

/** Where an attack stood after some of its steps. */
export interface Point {
  queries: number;
  pixels: Float32Array;
  probabilities: number[];
  predicted: number;
  /** Cross entropy of the true class. */
  loss: number;
  /** What the layers chose for the image and do not choose any more. */
  changes: LayerChange[];
}

export interface Path {
  network: NetworkName;
  label: number;
  points: Point[];
  /** Nothing is left to do: it is fooled, was wrong from the start, or the attack is at its end. */
  ended: boolean;
}

/** One for each network, of the image as it is; none before there are networks. */
export const paths = signal<readonly Path[]>([]);
/** An attack is at work. */
export const attacking = signal(false);

export const lastOf = ({ points }: Path): Point => points[points.length - 1];
export const isFooled = (path: Path): boolean => lastOf(path).predicted !== path.label;

let controller = new AbortController();
/** Counts what was begun, so that what is late is dropped. */
let begun = 0;

/** Looks at the image as it is, whenever it, the attack or the networks are others. */
export function followImage(): void {
  const plan = computed(() => {
    const { attack, epsilon, seed } = settings.value;
    return [attack, epsilon, seed].join(' ');
  });
  effect(() => {
    void [plan.value, phase.value];
    const now = image.value;
    if (now === undefined || networks.value.length === 0) {
      stopAttack();
      paths.value = [];
      return;
    }
    void look(now);
  });
  epochsDone.subscribe(() => {
    // What is attacked meanwhile is left alone.
    if (paths.peek().every(({ points }) => points.length === 1)) void look();
  });
}

/** The image as it is, in the eyes of the networks as they are now. */
export async function look(now: Image | undefined = image.peek()): Promise<void> {
  if (now === undefined) return;
  stopAttack();
  const mine = ++begun;
  try {
    const fresh = await Promise.all(
      networks.peek().map(async ({ name, model }): Promise<Path> => {
        const point = await pointAt(model, now, now.pixels, 0);
        return { network: name, label: now.label, points: [point], ended: point.predicted !== now.label };
      }),
    );
    if (mine === begun) paths.value = fresh;
  } catch (error) {
    // Networks that were reset meanwhile have nothing to say.
    if (mine === begun && networks.peek().length > 0) fail(error);
  }
}

async function pointAt(model: Model, { label }: Image, pixels: Float32Array, queries: number): Promise<Point> {
  const { data } = await model.logits(tensorOf(pixels));
  const logits = Array.from(data);
  const top = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0);
  const probabilities = logits.map((logit) => Math.exp(logit - top) / sum);
  const loss = Math.log(sum) + top - logits[label];
  return { queries, pixels, probabilities, predicted: logits.indexOf(top), loss, changes: [] };
}

/** One step back for each network that took the most. */
export function undo(): void {
  stopAttack();
  const most = Math.max(...paths.peek().map(({ points }) => points.length));
  if (most < 2) return;
  paths.value = paths.peek().map((path) => {
    if (path.points.length < most) return path;
    return { ...path, points: path.points.slice(0, -1), ended: false };
  });
}

export function stopAttack(): void {
  controller.abort();
  attacking.value = false;
}

/** From where it stands to its end, a step for each frame. */
export async function attack(): Promise<void> {
  await proceed(Number.POSITIVE_INFINITY);
}

/** One step of each network's attack. */
export async function attackStep(): Promise<void> {
  await proceed(1);
}

async function proceed(most: number): Promise<void> {
  const now = image.peek();
  if (now === undefined) return;
  if (paths.peek().every(({ ended }) => ended)) await look(now);
  stopAttack();
  controller = new AbortController();
  const { signal } = controller;
  attacking.value = true;
  try {
    for (let done = 0; done < most && paths.peek().some(({ ended }) => !ended); done++) {
      const next = await Promise.all(paths.peek().map((path) => (path.ended ? path : stepped(path, now, signal))));
      signal.throwIfAborted();
      paths.value = next;
      if (!document.hidden) await new Promise(requestAnimationFrame);
    }
    if (paths.peek().every(({ ended }) => ended)) status.value = paths.peek().map(outcome).join(' ');
  } catch (error) {
    if (!signal.aborted) fail(error);
  } finally {
    if (!signal.aborted) attacking.value = false;
  }
}

/** What came of an attack, in a sentence. */
export function outcome(path: Path): string {
  const [first] = path.points;
  const { predicted, queries } = lastOf(path);
  const name = titles[path.network];
  if (first.predicted !== path.label) return `${name} takes it for ${className(predicted)} even as it is.`;
  if (!isFooled(path)) return path.ended ? `${name} withstands ${queries} queries.` : `${name} is right.`;
  return `${name} is fooled after ${queries} queries: it sees ${className(predicted)}.`;
}

async function stepped(path: Path, now: Image, signal: AbortSignal): Promise<Path> {
  const { attack, epsilon, seed } = settings.peek();
  const { spec, perStep, steps } = plans[attack];
  const model = networks.peek().find(({ name }) => name === path.network)?.model;
  if (model === undefined) throw new DOMException('the networks were reset', 'AbortError');
  const step = path.points.length;
  const maxQueries = step * perStep;
  const { clipped, queries } = await model.attack(spec, {
    x: tensorOf(now.pixels),
    labels: [now.label],
    epsilons: [epsilon],
    seed,
    maxQueries,
    signal,
  });
  const reached = await pointAt(model, now, clipped[0].data, queries.forward + queries.backward);
  const fooled = reached.predicted !== now.label;
  const direction = reached.pixels.map((pixel, i) => pixel - now.pixels[i]);
  const { layers } = direction.some((value) => value !== 0)
    ? await analysis.patternChange(model, {
        x: tensorOf(now.pixels),
        direction: tensorOf(direction),
        radii: [1],
        signal,
      })
    : { layers: [] };
  const point = { ...reached, changes: layers };
  return { ...path, points: [...path.points, point], ended: fooled || step >= steps };
}
