/** Allocations of a training step, counted on kernels of our own, without a worker. */
import { readFile } from 'node:fs/promises';
import { models, nn, optim } from 'kwta';
import { expect, it } from 'vitest';
// Allocations happen in the engine's worker, where a test cannot count them.
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { Optimizer } from '../../dist/train/optimizers.js';
import { noise } from '../contract/support.js';

it.each([false, true])('after the first step, training takes no more memory (recompute: %s)', async (recompute) => {
  const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
  const spec = models.resNet18({ activation: nn.kwta({ gamma: 0.1 }), width: 8 });
  const network = new Network(spec, 0, new Workspace(kernels), { recompute });
  const optimizer = new Optimizer(optim.sgd({ lr: 0.01, momentum: 0.9 }), network, kernels);
  const x = noise(1, 16 * 3072);
  const step = (): void => {
    network.parameterGradients(x, new Int32Array(16), true);
    optimizer.step(0.01);
  };
  step();
  const bytes = kernels.memory.buffer.byteLength;
  kernels.allocate = (_, purpose) => expect.fail(`allocated for ${purpose}`);
  for (let i = 0; i < 5; i++) step();
  expect(kernels.memory.buffer.byteLength).toBe(bytes);
});
