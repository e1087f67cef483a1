/** A run taken up again after each of its steps, inside the engine, where it can be stopped at exactly that step. */
import { readFile } from 'node:fs/promises';
import { attacks, nn, optim, regimes, schedules } from 'kwta';
import { expect, it } from 'vitest';
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { loadKernels, wasmUrl } from '../../dist/kernels/load.js';
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
  const states: TrainState[] = [];
  const training = new Training(network, kernels, train, undefined, options);
  states.push(training.state());
  for (const _ of training.run()) states.push(training.state());
  // Nine steps, or as many with each replay; three ends of an epoch, and the start.
  const events = 9 * (options.regime.type === 'free' ? options.regime.replays : 1) + 3;
  expect(states.length).toBe(events + 1);
  const weights = network.parameters.read('data');
  for (const [i, state] of states.entries()) {
    const fresh = networkOf(0);
    const rest = new Training(fresh, kernels, train, undefined, options, structuredClone(state));
    expect(rest.state()).toEqual(state);
    expect([...rest.run()].length).toBe(events - i);
    expect(fresh.parameters.read('data'), `after event ${i}`).toEqual(weights);
    fresh.dispose();
  }
});
