/** Steps of the regimes that attack: as PyTorch takes them, along the slope of their loss, in as few passes as may be. */
import { readFile } from 'node:fs/promises';
import { type FitOptions, nn, regimes } from 'kwta';
import { afterEach, describe, expect, it, vi } from 'vitest';
// Internals: a user cannot say where an attack begins, nor count passes.
import { Network } from '../../dist/graph/network.js';
import { Pass } from '../../dist/graph/pass.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { type RegimeSpec, regimeOf } from '../../dist/train/regimes/index.js';
import type { RegimeStep } from '../../dist/train/regimes/regime.js';
import { awayFromAnswers } from '../../dist/train/regimes/trades.js';
import { expectAllClose, expectClose, expectValues, noise } from '../contract/support.js';
import { fixtures, modelOf, type RegimeCase } from '../fixtures/fixtures.js';

const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
const workspace = new Workspace(kernels);
const cases = (await fixtures('regimes')).filter(({ draws }) => draws !== undefined);

/** Random numbers that are given, one after another for each place in a batch. */
function given(draws: Float32Array, size: number): RegimeStep['randomOf'] {
  return (place) => {
    let at = place * size;
    const next = (): number => draws[at++];
    return { normal: next, uniform: next };
  };
}

function networkOf(item: RegimeCase): Network {
  const network = new Network(modelOf(item), 0, workspace, { recompute: false });
  network.parameters.write(item.stateDict);
  return network;
}

function stepOf(network: Network, item: RegimeCase): RegimeStep {
  return {
    network,
    x: item.x.data,
    targets: { labels: Int32Array.from(item.labels) },
    options: item.options,
    random: undefined as never,
    randomOf: given(item.draws?.data ?? new Float32Array(), network.sampleSize),
    kept: undefined,
  };
}

describe('a step as in PyTorch', () => {
  it.each(cases.map((item) => [item.name, item] as const))('%s', (_, item) => {
    const network = networkOf(item);
    const forward = vi.spyOn(network, 'forward');
    const regime = item.regime as RegimeSpec;
    const { loss } = regimeOf(regime).gradients(regime, stepOf(network, item));
    const { expected } = item;
    expectValues([loss], expected.loss.data, 1e-5, 'loss');
    const trained = forward.mock.calls.filter(([, options]) => options?.mode === 'train').map(([x]) => x);
    expectValues(trained.at(-1) as Float32Array, expected.points.data, 1e-6, 'points');
    const gradients = network.parameters.read('gradient');
    for (const [name, value] of Object.entries(expected.parameterGradients)) {
      expectClose(gradients[name], value, 2e-4, name);
    }
    const running = Object.entries(network.parameters.read('data')).filter(([name]) => name.includes('running'));
    expectAllClose(Object.fromEntries(running), expected.runningStatistics, 1e-5);
    network.dispose();
  });

  it.each(cases.filter(({ regime }) => regime.type === 'trades').map((item) => [item.name, item] as const))(
    'the gradient that points climb: %s',
    (_, item) => {
      const network = networkOf(item);
      const x = item.x.data;
      const starts = x.map((value, i) => value + 0.001 * (item.draws?.data[i] as number));
      const cotangent = awayFromAnswers(network, x);
      const ascent = network.ascent(x, starts);
      const gradient = ascent.evaluate(0, item.labels.length, cotangent(0)).copy();
      // It is the difference of answers that lie near to each other.
      expectValues(gradient, item.expected.climbGradient.data, 2e-3, 'gradient');
      ascent.dispose();
      network.dispose();
    },
  );
});

const size = 36;
const classes = 4;
const n = 6;
const smooth = nn.sequential(
  [
    nn.conv2d({ out: 5, kernel: 3, padding: 1 }),
    nn.batchNorm2d(),
    nn.silu(),
    nn.flatten(),
    nn.linear({ out: classes }),
  ],
  { input: [1, 6, 6] },
);

function smoothStep(network: Network, count = n): RegimeStep {
  return {
    network,
    x: noise(1, count * size).map((value) => 0.5 + 0.4 * value),
    targets: { labels: Int32Array.from({ length: count }, (_, i) => i % classes) },
    options: {},
    random: undefined as never,
    randomOf: given(noise(2, count * size), size),
    kept: undefined,
  };
}

it('TRADES: the gradient is the slope of the loss, through both branches', () => {
  const network = new Network(smooth, 3, workspace, { recompute: false });
  // One step far shorter than the start's distance: the points hardly depend on the weights.
  const spec = { type: 'trades', beta: 6, steps: 1, stepSize: 1e-9, epsilon: 0.3 } as const;
  const step = {
    ...smoothStep(network),
    randomOf: given(
      noise(2, n * size).map((value) => 200 * value),
      size,
    ),
  };
  const lossAt = (): number => regimeOf(spec).gradients(spec, step).loss;
  lossAt();
  const gradients = network.parameters.read('gradient');
  const before = network.parameters.read('data');
  const h = 5e-3;
  for (const name of ['0.weight', '0.bias', '1.weight', '1.bias', '4.weight', '4.bias']) {
    const direction = noise(7, before[name].data.length);
    const shifted = (by: number): number => {
      const data = before[name].data.map((value, i) => value + by * direction[i]);
      network.parameters.write({ ...before, [name]: { shape: before[name].shape, data } });
      return lossAt();
    };
    const slope = (shifted(h) - shifted(-h)) / (2 * h);
    const expected = gradients[name].data.reduce((sum, value, i) => sum + value * direction[i], 0);
    // Before batch norm a bias changes nothing.
    expect(Math.abs(slope - expected), name).toBeLessThan(2e-3 + 0.01 * Math.abs(expected));
  }
  network.dispose();
});

describe('passes of a step', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });
  /** Forward and backward passes. */
  const passes = (spec: RegimeSpec, count = n): [number, number] => {
    const network = new Network(smooth, 3, workspace, { recompute: false });
    const backward = vi.spyOn(Pass.prototype, 'backward');
    const before = network.state.passes;
    regimeOf(spec).gradients(spec, smoothStep(network, count));
    const forward = network.state.passes - before;
    network.dispose();
    return [forward, backward.mock.calls.length];
  };
  const made = (regime: FitOptions['regime']) => regime as RegimeSpec;

  it.each([
    ['natural: one', made(regimes.natural()), [1, 1]],
    ['free: one for both gradients', made(regimes.free({ epsilon: 0.1 })), [1, 1]],
    ['fast: one for the attack, one for training', made(regimes.fast({ epsilon: 0.1 })), [2, 2]],
    ['TRADES: the answers, a pass for each step, one of each branch', made(regimes.trades({ epsilon: 0.1 })), [13, 12]],
    ['TRADES of two steps', made(regimes.trades({ steps: 2, epsilon: 0.1 })), [5, 4]],
  ])('%s', (_, spec, expected) => {
    expect(passes(spec)).toEqual(expected);
  });

  it('attacks go through the network in batches of 64, training in one', () => {
    expect(passes(made(regimes.trades({ steps: 2, epsilon: 0.1 })), 100)).toEqual([2 + 4 + 2, 4 + 2]);
  });
});
