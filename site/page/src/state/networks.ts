/** The networks of the page: how they are made and trained, and what is known of their training. */
import { signal } from '@preact/signals';
import {
  attacks,
  type FitOptions,
  type FitRun,
  type Model,
  type ModelSpec,
  models,
  nn,
  optim,
  regimes,
  schedules,
} from 'kwta';
import type { Split } from './data.js';
import type { Settings } from './settings.js';

export type NetworkName = 'relu' | 'kwta';

export const titles: Record<NetworkName, string> = { relu: 'ReLU', kwta: 'k-WTA' };

/** Figures of each step, and of the whole so far. */
export interface Curve {
  loss: number[];
  accuracy: number[];
  /** Of test images, once the run has ended. */
  testAccuracy?: number;
}

export interface Network {
  name: NetworkName;
  model: Model;
  run: FitRun | undefined;
  curve: Curve;
  /** Steps of the whole run; 0 until one is done. */
  steps: number;
  /** Images a second, of the last moments. */
  rate: Rate;
}

/** Those that there are now, in the order in which they are shown. */
export const networks = signal<readonly Network[]>([]);

/** Milliseconds between two looks at the curves: often enough to see them move. */
const between = 120;

/** Counts what has changed in their curves, now and then. */
export const progress = signal(0);

let due = false;
export function progressed(): void {
  if (due) return;
  due = true;
  setTimeout(() => {
    due = false;
    progress.value++;
  }, between);
}

export const batchSize = 64;

/** What adversarial training trains against. */
const trainingAttack = { steps: 4, epsilon: 0.08 };

export function wantedNetworks({ networks }: Settings): NetworkName[] {
  return networks === 'both' ? ['relu', 'kwta'] : [networks];
}

/** The model that settings ask for. */
export function specOf(name: NetworkName, { gamma }: Settings, { train }: Split): ModelSpec {
  const activation = name === 'relu' ? nn.relu() : nn.kwta({ gamma });
  return models.smallCnn({ activation, classes: train.classes, input: train.shape, head: 'flatten' });
}

/** How it is trained. */
export function fitOptions({ regime, epochs, seed }: Settings): Omit<FitOptions, 'signal'> {
  return {
    epochs,
    batchSize,
    optimizer: optim.adam({ lr: 2e-3 }),
    lr: schedules.cosine(),
    regime:
      regime === 'natural'
        ? regimes.natural()
        : regimes.adversarial(attacks.pgd({ steps: trainingAttack.steps }), { epsilon: trainingAttack.epsilon }),
    seed,
  };
}

/** Milliseconds over which the rate is measured. */
const window = 2000;

/** Measures images per second while a run goes on. */
export class Rate {
  #times: number[] = [];
  /** As of the last step; 0 before there are two. */
  perSecond = 0;

  /** One more step. */
  add(): void {
    const now = performance.now();
    this.#times.push(now);
    while (this.#times.length > 2 && now - this.#times[0] > window) this.#times.shift();
    const seconds = (now - this.#times[0]) / 1000;
    this.perSecond = seconds === 0 ? 0 : ((this.#times.length - 1) * batchSize) / seconds;
  }

  /** What was before a pause does not count. */
  clear(): void {
    this.#times = [];
  }
}
