/**
 * A sample's result is its own: logits and input gradients have the same bits whatever other samples are in the batch,
 * wherever it stands, however many they are, and for any number of threads.
 */
import { createRuntime, type Model, type ModelSpec, models, nn, type Runtime, type Tensor } from 'kwta';
import { describe, expect, it } from 'vitest';
import { describeVariants, noise, shared, shuffled } from './support.js';

const count = 33;
const sizes = [1, 2, 3, 7, 8, 9, 16, count];

const activations = { relu: nn.relu(), kwta: nn.kwta({ gamma: 0.15 }) };

function specs(activation: (typeof activations)[keyof typeof activations]): Record<string, ModelSpec> {
  return {
    smallCnn: models.smallCnn({ activation, head: 'flatten' }),
    resNet18: models.resNet18({ activation, width: 8 }),
    'long sums': nn.sequential([nn.flatten(), nn.linear({ out: 800 }), activation, nn.linear({ out: 10 })], {
      input: [1, 46, 46],
    }),
  };
}

/** Images from almost black to almost white, so that ReLUs let more and more through. */
function images(size: number): Float32Array[] {
  return Array.from({ length: count }, (_, s) =>
    noise(s + 1, size).map((value) => (2 * s) / count - 1 + (1 - s / count) * value),
  );
}

const labelOf = (s: number): number => (3 * s) % 10;

/** The bits of logits, losses and gradients of each of `samples`, which are run together. */
async function run(model: Model, shape: number[], all: Float32Array[], samples: number[]): Promise<string[]> {
  const size = all[0].length;
  const x: Tensor = { shape: [samples.length, ...shape], data: new Float32Array(samples.length * size) };
  for (const [at, s] of samples.entries()) x.data.set(all[s], at * size);
  const logits = await model.logits(x);
  const { loss, gradient } = await model.inputGradient(x, samples.map(labelOf));
  return samples.map((_, at) =>
    [
      logits.data.subarray(at * 10, (at + 1) * 10),
      loss.subarray(at, at + 1),
      gradient.data.subarray(at * size, (at + 1) * size),
    ]
      .map((part) => new Uint32Array(part.slice().buffer).join())
      .join(';'),
  );
}

async function alone(
  runtime: Runtime,
  spec: ModelSpec,
): Promise<{ expected: string[]; model: Model; all: Float32Array[] }> {
  const model = await runtime.model(spec, { seed: 3 });
  const all = images(spec.input.reduce((a, b) => a * b, 1));
  const expected: string[] = [];
  for (const s of all.keys()) expected.push(...(await run(model, spec.input, all, [s])));
  expect(new Set(expected).size).toBe(count);
  return { expected, model, all };
}

for (const [name, activation] of Object.entries(activations)) {
  describeVariants(`with ${name}, a sample alone and among others`, (runtime) => {
    it.each(Object.entries(specs(activation)))('%s', async (_, spec) => {
      const { expected, model, all } = await alone(runtime(), spec);
      for (const size of sizes) {
        const samples = shuffled(size, count).slice(0, size);
        const bits = await run(model, spec.input, all, samples);
        for (const [at, s] of samples.entries()) {
          expect(bits[at] === expected[s], `sample ${s}, number ${at} of ${size}`).toBe(true);
        }
      }
      await model.dispose();
    });
  });
}

describe.skipIf(!shared)('a sample with other numbers of threads', () => {
  it.each(Object.entries(activations))('%s', async (_, activation) => {
    const spec = models.smallCnn({ activation });
    await using one = await createRuntime({ variant: 'simd-threads', threads: 1 });
    const { expected } = await alone(one, spec);
    for (const threads of [2, 3]) {
      await using other = await createRuntime({ variant: 'simd-threads', threads });
      const model = await other.model(spec, { seed: 3 });
      const samples = shuffled(threads, count);
      const bits = await run(model, spec.input, images(28 * 28), samples);
      expect(samples.every((s, at) => bits[at] === expected[s])).toBe(true);
    }
  });
});
