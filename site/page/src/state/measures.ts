/** What takes longer than an attack: the loss around the image, and how robust the networks are on many images. */
import { signal } from '@preact/signals';
import { analysis, type ComparisonReport, evaluateRobustness, type Landscape } from 'kwta';
import { split } from './data.js';
import { image, tensorOf } from './image.js';
import { fail, problem, status } from './lab.js';
import { type NetworkName, networks, titles } from './networks.js';
import { settings } from './settings.js';

export interface NetworkLandscape extends Landscape {
  network: NetworkName;
  /** Radius of the attack, for the picture. */
  epsilon: number;
}

export const landscapes = signal<readonly NetworkLandscape[]>([]);
/** Share of the landscapes, or of the table, that is done; undefined while none is made. */
export const landscapeDone = signal<number | undefined>(undefined);
export const tableDone = signal<number | undefined>(undefined);
export const report = signal<ComparisonReport | undefined>(undefined);

const resolution = 41;

/** How far a landscape reaches, in radii of the attack. */
const reach = 2;

/** What was measured of networks that are gone says nothing of those that come. */
export function followMeasures(): void {
  networks.subscribe(() => {
    tableController.abort();
    landscapes.value = [];
    report.value = undefined;
  });
}

export async function drawLandscapes(): Promise<void> {
  const now = image.peek();
  const { epsilon, seed } = settings.peek();
  if (now === undefined || landscapeDone.peek() !== undefined) return;
  problem.value = '';
  landscapeDone.value = 0;
  const present = networks.peek();
  try {
    const drawn: NetworkLandscape[] = [];
    for (const [i, { name, model }] of present.entries()) {
      const onProgress = ({ done }: { done: number }): void => {
        landscapeDone.value = (i + done) / present.length;
      };
      const options = {
        x: tensorOf(now.pixels),
        label: now.label,
        extent: reach * epsilon,
        resolution,
        seed,
        onProgress,
      };
      drawn.push({ network: name, epsilon, ...(await analysis.landscape(model, options)) });
    }
    if (networks.peek() === present) landscapes.value = drawn;
    status.value = 'The landscapes are drawn';
  } catch (error) {
    fail(error);
  } finally {
    landscapeDone.value = undefined;
  }
}

let tableController = new AbortController();

export async function measureTable(samples: number): Promise<void> {
  const test = split.peek()?.test;
  const { epsilon, seed } = settings.peek();
  if (test === undefined || tableDone.peek() !== undefined) return;
  problem.value = '';
  tableDone.value = 0;
  tableController = new AbortController();
  const { signal } = tableController;
  const models = networks.peek().map(({ name, model }) => ({ name: titles[name], model }));
  const begun = performance.now();
  try {
    report.value = await evaluateRobustness(models, test, {
      epsilons: [epsilon],
      attacks: 'quick',
      samples: Math.min(samples, test.length),
      seed,
      signal,
      onProgress: ({ secondsLeft }) => {
        const seconds = (performance.now() - begun) / 1000;
        if (secondsLeft !== undefined) tableDone.value = seconds / (seconds + secondsLeft);
      },
    });
    status.value = 'The table is measured';
  } catch (error) {
    fail(error);
  } finally {
    tableDone.value = undefined;
  }
}

export function stopTable(): void {
  tableController.abort();
}
