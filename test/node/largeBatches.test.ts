/** Batches whose plans need more memory than half of what 32 bits address, and more than all of it. */
import { readFile } from 'node:fs/promises';
import { MemoryError, nn } from 'kwta';
import { beforeAll, expect, it } from 'vitest';
// What a plan takes is seen inside of the engine.
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { caught, noise } from '../contract/support.js';

const conv = nn.conv2d({ out: 32, kernel: 1 });
const layers = [conv, nn.relu(), conv, nn.relu(), nn.globalAvgPool2d(), nn.linear({ out: 2 })];
/** Some 640 KiB a sample, for few sums. */
const wide = nn.sequential(layers, { input: [1, 32, 32] });

let workspace: Workspace;

beforeAll(async () => {
  const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
  workspace = new Workspace(kernels);
});

const network = (): Network => new Network(wide, 0, workspace, { recompute: false });

it('a plan of more than 2 GiB gives what small ones give', async () => {
  const large = network();
  const count = 5000;
  const { training } = large.memory(count);
  expect(training).toBeGreaterThan(2 ** 31);
  const few = noise(2, 1024 * 100);
  const x = Float32Array.from({ length: count * 1024 }, (_, i) => few[i % few.length]);
  const labels = Int32Array.from({ length: count }, (_, i) => (i % 100) % 2);
  // The workspace has been shorter before, and may not lose what it had.
  large.parameterGradients(x.subarray(0, 3000 * 1024), labels.subarray(0, 3000), true);
  const all = large.parameterGradients(x, labels, true);
  const gradients = large.parameters.read('gradient');
  const small = network();
  const { loss } = small.parameterGradients(few, labels.subarray(0, 100), true);
  expect(all.loss).toBeCloseTo(loss, 4);
  for (const [name, { data }] of Object.entries(small.parameters.read('gradient'))) {
    for (const [i, value] of data.entries()) expect(gradients[name].data[i], name).toBeCloseTo(value, 4);
  }
});

it.each([
  ['together', 8000, /: needs \d+ MiB, more than .*; a batch of (\d+) fits$/],
  ['in one tensor', 100_000, /; expected at most 268435455 values in one tensor, got \d+; a batch of (\d+) fits$/],
])('of a batch that is too large %s, the error says how many fit', async (_, count, message) => {
  const large = network();
  const x = new Float32Array(1024 * count);
  const error = await caught(Promise.resolve().then(() => large.parameterGradients(x, new Int32Array(count), true)));
  expect(error).toBeInstanceOf(MemoryError);
  const fits = Number(message.exec((error as Error).message)?.[1]);
  expect(fits, (error as Error).message).toBeGreaterThan(5000);
  // And so they do: nothing of the search is left behind.
  large.parameterGradients(x.subarray(0, 1024 * fits), new Int32Array(fits), true);
});
