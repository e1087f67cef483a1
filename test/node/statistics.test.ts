/** Batch norm's statistics estimated anew: the mean over batches, with the network as it was after each. */
import { readFile } from 'node:fs/promises';
import { nn } from 'kwta';
import { expect, it } from 'vitest';
import { Dataset } from '../../dist/data/dataset.js';
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { HeldSource } from '../../dist/train/source.js';
import { estimatedStatistics } from '../../dist/train/statistics.js';
import { expectValues } from '../contract/support.js';
import { stripes } from '../contract/toys.js';

const data = Dataset.fromPlain(stripes(10, 1).toPlain());

it('are the means of those of batches, and the network is as it was in between', async () => {
  const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
  for (const momentum of [0.1, 1]) {
    const spec = nn.sequential([nn.batchNorm2d({ momentum }), nn.flatten(), nn.linear({ out: 3 })], {
      input: [1, 8, 8],
    });
    const network = new Network(spec, 1, new Workspace(kernels), { recompute: false });
    const before = network.parameters.read('data');
    const steps = estimatedStatistics(network, new HeldSource(data, { batchSize: 4, seed: 0, epochs: 1 }).inOrder());
    let next = steps.next();
    let batches = 0;
    for (; !next.done; next = steps.next()) {
      batches++;
      expect(network.parameters.read('data')).toEqual(before);
    }
    expect(batches).toBe(3);
    next.value(network.parameters.view());
    const after = network.parameters.read('data');
    const expected = { mean: 0, variance: 0 };
    for (const { x } of data.batches(4)) {
      const mean = x.data.reduce((a, b) => a + b) / x.data.length;
      const squares = x.data.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      expected.mean += mean / 3;
      // As PyTorch's, the running estimate is the unbiased one.
      expected.variance += squares / (x.data.length - 1) / 3;
    }
    expectValues(after['0.running_mean'].data, [expected.mean], 1e-5, 'mean');
    expectValues(after['0.running_var'].data, [expected.variance], 1e-5, 'variance');
    expect({ ...after, '0.running_mean': 0, '0.running_var': 0 }).toEqual({
      ...before,
      '0.running_mean': 0,
      '0.running_var': 0,
    });
  }
});
