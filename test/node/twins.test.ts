/** Networks with another backward in their k-WTA layers: over the very parameters of the first, as long as it is the same. */
import { readFile } from 'node:fs/promises';
import { nn } from 'kwta';
import { expect, it } from 'vitest';
// Memory is in the engine's worker, where a test cannot count it.
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import type { Kernels } from '../../dist/kernels/kernels.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { noise } from '../contract/support.js';

const spec = nn.sequential(
  [
    nn.normalize({ mean: [0.5], std: [0.25] }),
    nn.conv2d({ out: 4, kernel: 3 }),
    nn.kwta({ gamma: 0.2 }),
    nn.residual({ main: [nn.conv2d({ out: 4, kernel: 3, padding: 1 }), nn.kwta({ k: 9, backward: 'softmask' })] }),
    nn.flatten(),
    nn.linear({ out: 3 }),
  ],
  { input: [1, 6, 6] },
);
const x = noise(1, 5 * 36);
const labels = [0, 1, 2, 0, 1];

const load = async () => loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
const networkOf = (kernels: Kernels, model = spec) =>
  new Network(model, 3, new Workspace(kernels), { recompute: false });

/** Bytes in use by whom, as they come and go. */
function counted(kernels: Kernels): Map<number, string> {
  const inUse = new Map<number, string>();
  const allocate = kernels.allocate.bind(kernels);
  const free = kernels.free.bind(kernels);
  kernels.allocate = (bytes, purpose) => {
    const pointer = allocate(bytes, purpose);
    inUse.set(pointer, purpose);
    return pointer;
  };
  kernels.free = (pointer, bytes) => {
    expect(inUse.delete(pointer)).toBe(true);
    free(pointer, bytes);
  };
  return inUse;
}

it('share the weights, the state and the workspace, and give everything back', async () => {
  const kernels = await load();
  const inUse = counted(kernels);
  const network = networkOf(kernels);
  const owned = inUse.size;
  const twin = network.withBackward({ backward: 'identity' }) as Network;
  expect(inUse.size).toBe(owned);
  expect(twin.parameters).toBe(network.parameters);
  expect(twin.state).toBe(network.state);
  network.inputGradient(x, labels, 'margin');
  twin.inputGradient(x, labels, 'margin');
  expect([...inUse.values()].filter((purpose) => purpose.includes('batch')).length).toBe(1);
  // What is left is the workspace.
  network.dispose();
  expect(inUse.size).toBe(1);
});

it('are made once for each surrogate, and again when the network has changed', async () => {
  const network = networkOf(await load());
  const soft = (temperature: number) => network.withBackward({ backward: 'softmask', temperature }) as Network;
  const [first, second] = [soft(0.5), soft(0.25)];
  expect(soft(0.5)).toBe(first);
  expect(second).not.toBe(first);
  expect(second.spec.layers[2]).toEqual(nn.kwta({ gamma: 0.2, backward: 'softmask', temperature: 0.25 }));
  network.setGamma(0.4);
  expect(soft(0.5)).not.toBe(first);
  expect(soft(0.5).spec.layers[2]).toEqual(nn.kwta({ gamma: 0.4, backward: 'softmask', temperature: 0.5 }));
  expect(network.spec.layers[2]).toEqual(nn.kwta({ gamma: 0.4 }));
});

it('have every layer replaced, also those in containers and those with a surrogate of their own', async () => {
  const kernels = await load();
  const network = networkOf(kernels);
  const twin = network.withBackward({ backward: 'identity' }) as Network;
  const expected = nn.sequential(
    [
      ...spec.layers.slice(0, 2),
      nn.kwta({ gamma: 0.2, backward: 'identity' }),
      nn.residual({ main: [nn.conv2d({ out: 4, kernel: 3, padding: 1 }), nn.kwta({ k: 9, backward: 'identity' })] }),
      ...spec.layers.slice(4),
    ],
    { input: [1, 6, 6] },
  );
  expect(twin.spec).toEqual(expected);
  const other = networkOf(kernels, expected);
  other.parameters.write(network.parameters.read('data'));
  expect(twin.inputGradient(x, labels, 'margin')).toEqual(other.inputGradient(x, labels, 'margin'));
  expect(
    networkOf(kernels, nn.sequential([nn.flatten()], { input: [1, 2, 2] })).withBackward({ backward: 'identity' }),
  ).toBeUndefined();
});

it('have no denormal numbers in their gradients, which arithmetic takes long for', async () => {
  const kernels = await load();
  const cold = nn.sequential([nn.kwta({ k: 1 }), nn.flatten()], { input: [1, 2, 2] });
  const twin = networkOf(kernels, cold).withBackward({ backward: 'softmask', temperature: 1e-6 }) as Network;
  const { gradient } = twin.inputGradient(Float32Array.of(0, 0.5, 0.75, 1), [0], 'margin');
  expect(gradient.map(Math.abs)).toEqual(Float32Array.of(0, 0, 0, 0.5));
});
