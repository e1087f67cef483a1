/** Update rules against torch.optim: given gradients go straight into the kernels, without a network. */
import { readFile } from 'node:fs/promises';
import { optim } from 'kwta';
import { describe, it } from 'vitest';
import { wasmUrl } from '../../dist/kernels/files.js';
// From outside, gradients come from a network and cannot be given.
import type { Kernels } from '../../dist/kernels/kernels.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { Optimizer } from '../../dist/train/optimizers.js';
import { expectClose } from '../contract/support.js';
import { fixtures, type OptimizerCase } from '../fixtures/fixtures.js';

const cases = await fixtures('optimizers');
const kernels: Kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));

/** A tensor's place in the kernels' memory. */
function place({ data }: { data: Float32Array }) {
  const pointer = kernels.allocate(data.length * 4, 'test');
  kernels.f32(pointer, data.length).set(data);
  return { pointer, length: data.length };
}

/** What an optimizer needs of a network. */
function parametersOf(item: OptimizerCase) {
  const trainable = item.parameters.map((parameter) => ({ data: place(parameter), gradient: place(parameter) }));
  return { trainable, count: item.parameters.reduce((sum, { data }) => sum + data.length, 0) };
}

describe('optimizers as in PyTorch', () => {
  it.each(cases.map((item) => [`${item.name} ${JSON.stringify(item.options)}`, item] as const))('%s', (_, item) => {
    const spec = optim[item.name as 'adam'](item.options);
    const parameters = parametersOf(item);
    const optimizer = new Optimizer(spec, { parameters } as ConstructorParameters<typeof Optimizer>[1], kernels);
    for (const [step, gradients] of item.gradients.entries()) {
      for (const [i, { gradient }] of parameters.trainable.entries()) {
        kernels.f32(gradient.pointer, gradient.length).set(gradients[i].data);
      }
      optimizer.step(spec.lr);
      for (const [i, { data }] of parameters.trainable.entries()) {
        const expected = item.after[step][i];
        const found = { shape: expected.shape, data: kernels.f32(data.pointer, data.length) };
        expectClose(found, expected, 1e-6, `parameter ${i} after step ${step + 1}`);
      }
    }
    optimizer.dispose();
  });
});
