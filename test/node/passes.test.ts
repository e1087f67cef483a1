/** Forward passes and their vector-Jacobian products: any cotangent, both gradients, two passes alive at a time. */
import { readFile } from 'node:fs/promises';
import { type ModelSpec, nn } from 'kwta';
import { describe, expect, it } from 'vitest';
// Internals, for attacks and regimes ask these and users do not.
import { Network } from '../../dist/graph/network.js';
import { Workspace } from '../../dist/graph/workspace.js';
import { wasmUrl } from '../../dist/kernels/files.js';
import { loadKernels } from '../../dist/kernels/load.js';
import { expectValues, noise } from '../contract/support.js';

const n = 5;
const size = 2 * 6 * 6;
const classes = 4;
const x = noise(1, n * size);
const labels = Int32Array.from({ length: n }, (_, i) => i % classes);

async function networkOf(activation: ReturnType<typeof nn.kwta> | ReturnType<typeof nn.relu>): Promise<Network> {
  const spec: ModelSpec = nn.sequential(
    [
      nn.conv2d({ out: 8, kernel: 3, padding: 1, bias: false }),
      nn.batchNorm2d(),
      activation,
      nn.residual({ main: [nn.conv2d({ out: 8, kernel: 3, padding: 1 })] }),
      activation,
      nn.maxPool2d({ kernel: 2 }),
      nn.flatten(),
      nn.linear({ out: classes }),
    ],
    { input: [2, 6, 6] },
  );
  const kernels = await loadKernels('simd', await WebAssembly.compile(await readFile(wasmUrl('simd'))));
  return new Network(spec, 3, new Workspace(kernels), { recompute: false });
}

/** A cotangent that is one logit of every sample. */
function unit(logit: number): Float32Array {
  return Float32Array.from({ length: n * classes }, (_, i) => Number(i % classes === logit));
}

describe.each(['ReLU', 'k-WTA'] as const)('passes of a %s network', (name) => {
  const activation = name === 'ReLU' ? nn.relu() : nn.kwta({ gamma: 0.3 });

  it('gives a named loss and its cotangent the same gradients, in both modes', async () => {
    const network = await networkOf(activation);
    for (const mode of ['eval', 'train'] as const) {
      const options = { mode, inputs: true, parameters: true } as const;
      const named = network.forward(x, options);
      const logits = named.logits();
      named.backward({ loss: 'crossEntropy', labels, scale: 0.5 });
      const [byName, parametersByName] = [named.inputGradient(), network.parameters.read('gradient')];
      const cotangent = new Float32Array(n * classes);
      for (let i = 0; i < n; i++) {
        const z = logits.subarray(i * classes, (i + 1) * classes);
        const sum = z.reduce((total, value) => total + Math.exp(value), 0);
        for (let j = 0; j < classes; j++) {
          cotangent[i * classes + j] = 0.5 * (Math.exp(z[j]) / sum - Number(j === labels[i]));
        }
      }
      const free = network.forward(x, options);
      expect(free.backward(cotangent)).toBeUndefined();
      expectValues(free.inputGradient(), byName, 1e-5, 'input gradient');
      for (const [key, value] of Object.entries(network.parameters.read('gradient'))) {
        expectValues(value.data, parametersByName[key].data, 1e-4, key);
      }
    }
  });

  it('is linear in the cotangent, and may be asked again and again when told to retain', async () => {
    const network = await networkOf(activation);
    const pass = network.forward(x, { inputs: true, retain: true });
    const rows = Array.from({ length: classes }, (_, j) => {
      pass.backward(unit(j));
      return pass.inputGradient();
    });
    const weights = noise(2, n * classes);
    pass.backward(weights);
    const sum = new Float32Array(n * size);
    for (let i = 0; i < sum.length; i++) {
      const sample = Math.floor(i / size);
      for (let j = 0; j < classes; j++) sum[i] += weights[sample * classes + j] * rows[j][i];
    }
    expectValues(pass.inputGradient(), sum, 1e-5, 'sum');
    expect(pass.logits()).toEqual(network.logits(x));
    // Each alone gives the same as one after another.
    for (const [j, row] of rows.entries()) {
      const alone = network.forward(x, { inputs: true });
      alone.backward(unit(j));
      expect(alone.inputGradient()).toEqual(row);
      expect(() => alone.backward(unit(j))).toThrow('retain');
    }
  });

  it('agrees with finite differences where no winner changes', async () => {
    const network = await networkOf(activation);
    const pass = network.forward(x, { inputs: true });
    const cotangent = noise(3, n * classes);
    pass.backward(cotangent);
    const gradient = pass.inputGradient();
    const step = 1e-3;
    const value = (shift: number, at: number): Float64Array => {
      const moved = x.slice();
      for (let i = 0; i < n; i++) moved[i * size + at] += shift;
      const logits = network.logits(moved);
      const result = new Float64Array(n);
      for (let i = 0; i < n * classes; i++) result[Math.floor(i / classes)] += logits[i] * cotangent[i];
      return result;
    };
    let agree = 0;
    let all = 0;
    for (let at = 0; at < size; at += 3) {
      const [up, down] = [value(step, at), value(-step, at)];
      for (let i = 0; i < n; i++) {
        const slope = (up[i] - down[i]) / (2 * step);
        all++;
        agree += Number(Math.abs(slope - gradient[i * size + at]) <= 2e-3 + 0.01 * Math.abs(slope));
      }
    }
    // Where a winner, a sign or a maximum changes within the step, a difference says nothing.
    expect(agree / all).toBeGreaterThan(0.8);
  });

  it('keeps two passes alive in two slots', async () => {
    const network = await networkOf(activation);
    const other = noise(4, n * size);
    const alone = (samples: Float32Array) => {
      const pass = network.forward(samples, { inputs: true });
      pass.backward(unit(1));
      return pass.inputGradient();
    };
    const expected = [alone(x), alone(other)];
    const first = network.forward(x, { inputs: true });
    const second = network.forward(other, { inputs: true, slot: 1 });
    first.backward(unit(1));
    second.backward(unit(1));
    expect([first.inputGradient(), second.inputGradient()]).toEqual(expected);
    network.logits(x);
    expect(() => first.logits()).toThrow('the pass is over');
    expect(second.logits()).toEqual(network.logits(other));
  });

  it('accumulates parameter gradients', async () => {
    const network = await networkOf(activation);
    const gradientOf = (cotangents: Float32Array[]) => {
      for (const [i, cotangent] of cotangents.entries()) {
        network.forward(x, { parameters: true }).backward(cotangent, { accumulate: i > 0 });
      }
      return network.parameters.read('gradient');
    };
    const [a, b] = [gradientOf([unit(0)]), gradientOf([unit(2)])];
    for (const [key, { data }] of Object.entries(gradientOf([unit(0), unit(2)]))) {
      expect(data, key).toEqual(a[key].data.map((value, i) => value + b[key].data[i]));
    }
  });

  it('gives what it was asked for, and says when it was not asked', async () => {
    const network = await networkOf(activation);
    expect(() => network.forward(x).backward(unit(0))).toThrow('not asked for gradients');
    expect(() => network.forward(x, { inputs: true }).backward(new Float32Array(3))).toThrow('20 values, got 3');
  });
});
