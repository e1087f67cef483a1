/** An evaluation holds the images of one chunk, however many there are; what grows is a few numbers a sample. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { attacks, type Dataset, datasets, type EvaluationProgress, evaluateRobustness, nn } from 'kwta';
import { expect, it } from 'vitest';
import { mebibytesInUse, noise, useRuntime } from '../contract/support.js';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const shape = [3, 32, 32] as const;
const size = 3 * 32 * 32;
const mebibyte = 2 ** 20;

const runtime = useRuntime({ threads: 1 });

/** Bytes that are alive here, without those that nobody holds any more. */
function alive(): number {
  // What one collection finds is freed beside the program, and counted by the next.
  for (let i = 0; i < 4; i++) {
    collect();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

it('eight times the samples need no more memory, but for what the report says of them', async () => {
  const model = await runtime().model(nn.sequential([nn.flatten(), nn.linear({ out: 3 })], { input: [...shape] }));
  const samples = 2048;
  const data = noise(3, samples * size).map((value) => Math.min(Math.abs(value), 1));
  const tensor = { shape: [samples, ...shape], data };
  const labels = await model.predict(tensor);
  const all = datasets.fromTensors({ images: tensor, labels, classes: 3 });
  const list = [attacks.fgsm(), attacks.deepFool({ steps: 2 }), attacks.pgd({ steps: 2, earlyStop: true })];
  /** Bytes that an evaluation adds while it runs, and what its kernels use after it. */
  const run = async (test: Dataset): Promise<{ held: number; kernels: number; report: number }> => {
    const before = alive();
    const moments: number[] = [];
    // Whenever an attack is over at a radius: collecting takes long.
    const onProgress = ({ accuracy }: EvaluationProgress): void => {
      if (accuracy !== undefined) moments.push(alive() - before);
    };
    const report = await evaluateRobustness(model, test, { epsilons: [0.001, 0.01], attacks: list, onProgress });
    expect(moments.length).toBeGreaterThanOrEqual(6);
    // At one of the moments chunks may be on their way between threads, which is no growth.
    const [, held] = moments.sort((first, second) => second - first);
    return { held, kernels: await mebibytesInUse(runtime()), report: JSON.stringify(report).length };
  };
  await run(all.take(32));
  const few = await run(all.take(256));
  const many = [await run(all), await run(all)].reduce((first, second) => (second.held < first.held ? second : first));
  // Two copies of the images that are more would be 42 MiB.
  const images = (samples - 256) * size * 4;
  expect(images / mebibyte).toBeCloseTo(21, 0);
  expect(many.held - few.held).toBeLessThan(images / 4 + 2 * (many.report - few.report));
  expect(2 * (many.report - few.report)).toBeLessThan(images / 4);
  expect(many.kernels).toBeLessThan(few.kernels + 1);
}, 240_000);
