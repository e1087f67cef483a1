/** A run taken up again after each of its steps, inside the engine, where it can be stopped at exactly that step. */
import { readFile } from 'node:fs/promises';
import { attacks, nn, optim, regimes, schedules } from 'kwta';
import { expect, it } from 'vitest';
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { Training } from '../../dist/train/fit.js';
import type { FitSpec } from '../../dist/train/spec.js';
import type { TrainState } from '../../dist/train/state.js';
import { stripes } from '../contract/toys.js';

const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
const workspace = new Workspace(kernels);
const train = stripes(22, 1);
const spec = nn.sequential(
  [
    nn.conv2d({ out: 5, kernel: 3, padding: 1 }),
    nn.batchNorm2d(),
    nn.kwta({ gamma: 0.5 }),
    nn.flatten(),
    nn.dropout({ p: 0.4 }),
    nn.linear({ out: 3 }),
  ],
  { input: [1, 8, 8] },
);
const natural = regimes.natural();
const common = { epochs: 3, batchSize: 8, regime: natural, seed: 5 };
const runs: Record<string, FitSpec> = {
  sgd: { ...common, optimizer: optim.sgd({ lr: 0.05 }), lr: schedules.step({ every: 1, factor: 0.5 }) },
  momentum: { ...common, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9, nesterov: true }), lr: schedules.cosine() },
  'adam, gamma annealed': {
    ...common,
    optimizer: optim.adam({ lr: 0.01 }),
    gamma: schedules.anneal({ from: 0.4, to: 0.2, by: 0.1 }),
  },
  'adamw, adversarial': {
    ...common,
    optimizer: optim.adamw({ lr: 0.01 }),
    regime: regimes.adversarial(attacks.pgd({ steps: 2 }), { epsilon: 0.1 }),
  },
  'sgd, trades': {
    ...common,
    optimizer: optim.sgd({ lr: 0.05 }),
    regime: regimes.trades({ steps: 2, epsilon: 0.1 }),
    ema: { decay: 0.5 },
  },
  'adam, free': { ...common, optimizer: optim.adam({ lr: 0.01 }), regime: regimes.free({ epsilon: 0.1 }) },
  'momentum, fast': {
    ...common,
    optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }),
    regime: regimes.fast({ epsilon: 0.1 }),
  },
};

const networkOf = (seed: number) => new Network(spec, seed, workspace, { recompute: false });

it.each(Object.entries(runs))('%s', (_, options) => {
  const network = networkOf(11);
  const isEvent = (event: unknown): boolean => event !== undefined;
  const training = new Training(network, kernels, train, undefined, options);
  // Also between events, where more is done than a step; with how many there were.
  const states: { state: TrainState; events: number }[] = [{ state: training.state(), events: 0 }];
  let events = 0;
  for (const event of training.run()) {
    events += Number(isEvent(event));
    states.push({ state: training.state(), events });
  }
  // Nine steps, or as many with each replay, and three ends of an epoch.
  expect(events).toBe(9 * (options.regime.type === 'free' ? options.regime.replays : 1) + 3);
  const weights = network.parameters.read('data');
  for (const { state, events: before } of states) {
    const fresh = networkOf(0);
    const rest = new Training(fresh, kernels, train, undefined, options, structuredClone(state));
    expect(rest.state()).toEqual(state);
    expect([...rest.run()].filter(isEvent).length).toBe(events - before);
    expect(fresh.parameters.read('data'), `after event ${before}`).toEqual(weights);
    fresh.dispose();
  }
});
