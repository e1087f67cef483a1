/** Derivatives along a direction are those that the backward pass gives, logit by logit. */
import { readFile } from 'node:fs/promises';
import { ConfigError, type ModuleSpec, nn } from 'kwta';
import { describe, expect, it } from 'vitest';
// Internals: only analysis asks for these.
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { expectValues, noise } from '../contract/support.js';

const n = 3;
const input: [number, number, number] = [2, 5, 5];
const size = 50;
const classes = 3;
const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));

function networkOf(...layers: ModuleSpec[]): Network {
  const all = [nn.conv2d({ out: 4, kernel: 3, padding: 1 }), ...layers, nn.flatten(), nn.linear({ out: classes })];
  return new Network(nn.sequential(all, { input }), 3, new Workspace(kernels), { recompute: false });
}

const winners = nn.kwta({ gamma: 0.4 });
const convolution = nn.conv2d({ out: 3, kernel: 3, padding: 1 });

const networks: Record<string, ModuleSpec[]> = {
  'winners of two branches side by side': [
    nn.concat([[winners], [convolution, nn.kwta({ gamma: 0.2 })]]),
    nn.conv2d({ out: 2, kernel: 1 }),
  ],
  'winners beside dense values': [nn.concat([[], [winners], [convolution]])],
  'winners in pixels and channels': [
    nn.kwta({ k: 2, scope: 'pixel' }),
    convolution,
    nn.kwta({ gamma: 0.3, scope: 'channel', ties: 'keep' }),
    convolution,
    nn.kwta({ gamma: 0.3, boost: { strength: 1, inferenceFactor: 1.5 } }),
  ],
  'leaky ReLU': [nn.leakyRelu({ slope: 0.2 }), convolution, nn.relu()],
};

describe('slopes along directions', () => {
  it.each(Object.entries(networks))('are products with the gradients: %s', (_, layers) => {
    const network = networkOf(...layers);
    const [x, directions] = [noise(1, n * size), noise(2, n * size)];
    const slopes = network.choices(x, directions).slopes();
    const expected = new Float64Array(n * classes);
    for (let j = 0; j < classes; j++) {
      const pass = network.forward(x, { inputs: true });
      pass.backward(Float32Array.from({ length: n * classes }, (_, i) => Number(i % classes === j)));
      for (const [i, value] of pass.inputGradient().entries()) {
        expected[Math.floor(i / size) * classes + j] += value * directions[i];
      }
    }
    expectValues(slopes, expected, 2e-5, 'slopes');
    network.dispose();
  });

  it.each([
    ['gelu', nn.gelu()],
    ['layerNorm', nn.layerNorm()],
    ['kwta', nn.kwta({ k: 1, by: 'magnitude' })],
  ] as const)('are refused where there are none: %s', (type, layer) => {
    const network = networkOf(layer);
    const ask = () => network.choices(noise(1, size), noise(2, size));
    expect(ask).toThrow(ConfigError);
    expect(ask).toThrow(`1 (${type})`);
    network.dispose();
  });
});
