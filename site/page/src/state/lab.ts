/** Trains: starts the runtime, makes the networks, and plays, holds, steps and resets their runs. */
import { computed, signal } from '@preact/signals';
import { createRuntime, type Model, type Runtime } from 'kwta';
import { loadSplit, type SplitRequest, split } from './data.js';
import {
  fitOptions,
  type Network,
  networks,
  progress,
  progressed,
  Rate,
  specOf,
  titles,
  wantedNetworks,
} from './networks.js';
import { checkpointOf, forget, recall, remember } from './session.js';
import { change, settings, trainingKey } from './settings.js';

/**
 * `starting`: runtime and images are not there yet. `fresh`: nothing is trained. `training`, `held`: between first and last
 * step. `trained`: all steps are done.
 */
export type Phase = 'starting' | 'fresh' | 'training' | 'held' | 'trained' | 'failed';

export const phase = signal<Phase>('starting');
/** What goes on, in words; told to screen readers. */
export const status = signal('Starting the kernels');
/** What went wrong last, until something is tried again. */
export const problem = signal('');

/** Counts epochs that are over, of all networks. */
export const epochsDone = signal(0);

export const runtime = signal<Runtime | undefined>(undefined);

/** What the networks that there are were trained as; empty without any. */
const trainedKey = signal('');

/** The settings of the training are those of the networks that there are. */
export const fits = computed(() => trainedKey.value === '' || trainedKey.value === trainingKey(settings.value));

/** All steps are done, of the training that the settings ask for. */
export const done = computed(() => phase.value === 'trained' && fits.value);

/** Ends the runs in hand. */
let controller = new AbortController();

export function fail(error: unknown): void {
  if (error instanceof DOMException && error.name === 'AbortError') return;
  problem.value = error instanceof Error ? error.message : String(error);
  console.error(error);
}

/** Once, when the page is opened. */
export async function start(): Promise<void> {
  try {
    const { threads, data } = settings.peek();
    const [made] = await Promise.all([
      // The same bits on every machine, so that a link shows what it showed to who sent it.
      createRuntime({ deterministic: true, ...(threads > 0 ? { threads } : {}) }),
      data === 'own' ? useFigures('Images of your own do not outlive a visit: drop them again.') : loadData(),
    ]);
    runtime.value = made;
    await restore();
    if (phase.peek() === 'starting') setPhase('fresh', 'Ready');
  } catch (error) {
    fail(error);
    setPhase('failed', 'The page could not start');
  }
}

function setPhase(next: Phase, words: string): void {
  phase.value = next;
  status.value = words;
}

async function useFigures(why: string): Promise<void> {
  change({ data: 'figures' });
  await loadData();
  problem.value = why;
}

/** Loads the images that the settings name; `request` says it where there is more to say. */
export async function loadData(request?: SplitRequest): Promise<void> {
  const { data, count } = settings.peek();
  const asked =
    request ?? (data === 'fashion' ? { kind: data, count, download: false, files: [] } : { kind: 'figures', count });
  try {
    split.value = await loadSplit(asked);
    if (request !== undefined) change({ data: request.kind, image: 0, drawn: '' });
  } catch (error) {
    if (request !== undefined || data !== 'fashion') throw error;
    await useFigures('Fashion-MNIST is not on this device yet: choose its four files, or download them.');
  }
}

/** The networks of the last visit, if they are what the settings ask for. */
async function restore(): Promise<void> {
  const session = recall();
  const made = runtime.peek();
  if (session === undefined || made === undefined || session.key !== trainingKey(settings.peek())) return;
  try {
    const loaded = await Promise.all(
      session.networks.map(async ({ name, curve, steps }): Promise<Network> => {
        const model = await made.load(checkpointOf(name) ?? '');
        return { name, model, run: undefined, curve, steps, rate: new Rate() };
      }),
    );
    networks.value = loaded;
    trainedKey.value = session.key;
    const over = loaded.every(({ curve, steps }) => steps > 0 && curve.loss.length >= steps);
    setPhase(
      over ? 'trained' : 'held',
      over ? 'Your networks of last time are back' : 'Your training of last time is back',
    );
    progressed();
  } catch {
    // They are gone, or of another version: the page begins anew.
    forget();
  }
}

/** Fresh networks for the settings. */
async function make(): Promise<void> {
  const now = settings.peek();
  const images = split.peek();
  const made = runtime.peek();
  if (images === undefined || made === undefined) throw new Error('the page is still starting');
  networks.value = await Promise.all(
    wantedNetworks(now).map(async (name): Promise<Network> => {
      const model: Model = await made.model(specOf(name, now, images), { seed: now.seed });
      return { name, model, run: undefined, curve: { loss: [], accuracy: [] }, steps: 0, rate: new Rate() };
    }),
  );
  trainedKey.value = trainingKey(now);
}

/** Starts the runs, held before their next step. */
function begin(): void {
  const images = split.peek();
  if (images === undefined) return;
  const from = phase.peek() === 'held';
  controller = new AbortController();
  const { signal } = controller;
  for (const network of networks.peek()) {
    const path = checkpointOf(network.name);
    // Without files of its own a page trains all the same; it only forgets.
    const kept = path === undefined ? {} : { checkpoint: { path }, ...(from ? { resumeFrom: path } : {}) };
    network.run = network.model.fit(images.train, { ...fitOptions(settings.peek()), ...kept, paused: true, signal });
    void follow(network, network.run, signal);
  }
}

/** Takes what a run tells. */
async function follow(network: Network, run: NonNullable<Network['run']>, signal: AbortSignal): Promise<void> {
  const { curve } = network;
  try {
    for await (const event of run) {
      if (event.type === 'epoch') {
        // Its checkpoint is on its way.
        keep();
        epochsDone.value++;
        continue;
      }
      network.steps = event.steps;
      // A run that goes on from a checkpoint does some steps again.
      curve.loss.length = Math.min(curve.loss.length, event.step - 1);
      curve.accuracy.length = curve.loss.length;
      curve.loss.push(event.loss);
      curve.accuracy.push(event.accuracy);
      network.rate.add();
      progressed();
    }
    const images = split.peek();
    if (images !== undefined) curve.testAccuracy = await network.model.accuracy(images.test, { signal });
    network.run = undefined;
    // At once: whoever is told that all is done sees the last figures.
    progress.value++;
    if (networks.peek().every(({ run }) => run === undefined)) {
      setPhase('trained', `Trained: ${networks.peek().map(accuracyText).join(', ')}`);
      keep();
    }
  } catch (error) {
    if (signal.aborted) return;
    fail(error);
    setPhase('failed', 'The training stopped');
  }
}

function accuracyText({ name, curve }: Network): string {
  return `${titles[name]} gets ${(100 * (curve.testAccuracy ?? 0)).toFixed(1)} % of the test images right`;
}

/** What the next visit begins with. */
function keep(): void {
  remember({
    key: trainedKey.peek(),
    networks: networks.peek().map(({ name, curve, steps }) => ({ name, curve, steps })),
  });
}

/** Makes sure that there are runs for the settings as they are. */
async function ready(): Promise<void> {
  problem.value = '';
  if (!fits.peek()) await reset();
  if (networks.peek().length === 0) await make();
  if (networks.peek().every(({ run }) => run === undefined)) begin();
}

export async function play(): Promise<void> {
  if (done.peek()) return;
  await ready();
  setPhase('training', 'Training');
  await Promise.all(networks.peek().map(({ run }) => run?.resume()));
}

export async function pause(): Promise<void> {
  if (phase.peek() !== 'training') return;
  await Promise.all(running().map((run) => run.pause()));
  for (const { rate } of networks.peek()) rate.clear();
  setPhase('held', 'Held');
  await keepNow();
}

/** One step of each network. */
export async function step(): Promise<void> {
  if (done.peek()) return;
  await ready();
  setPhase('held', 'One step taken');
  await Promise.all(running().map((run) => run.resume({ steps: 1 })));
}

export async function reset(): Promise<void> {
  controller.abort();
  const old = networks.peek();
  networks.value = [];
  trainedKey.value = '';
  problem.value = '';
  forget();
  if (phase.peek() !== 'starting') setPhase('fresh', 'Ready');
  await Promise.all(old.map(({ model }) => model.dispose()));
}

/** Resolves when the training has come to its end; false when it was held or reset before. */
export function trained(): Promise<boolean> {
  return new Promise((resolve) => {
    const end = phase.subscribe((now) => {
      if (now === 'training') return;
      queueMicrotask(() => end());
      resolve(now === 'trained');
    });
  });
}

/** Writes the runs as they are, so that the next visit goes on from here. */
export async function keepNow(): Promise<void> {
  keep();
  if (checkpointOf('kwta') === undefined) return;
  await Promise.all(running().map((run) => run.checkpoint()));
}

function running(): NonNullable<Network['run']>[] {
  return networks.peek().flatMap(({ run }) => run ?? []);
}
