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
  /** Bytes that an evaluation adds, whenever an attack is over at a radius: collecting takes long. What its kernels use after it. */
  const run = async (test: Dataset): Promise<{ moments: number[]; kernels: number; report: number }> => {
    const before = alive();
    const moments: number[] = [];
    const onProgress = ({ accuracy }: EvaluationProgress): void => {
      if (accuracy !== undefined) moments.push(alive() - before);
    };
    const report = await evaluateRobustness(model, test, { epsilons: [0.001, 0.01], attacks: list, onProgress });
    expect(moments.length).toBe(6);
    return { moments, kernels: await mebibytesInUse(runtime()), report: JSON.stringify(report).length };
  };
  /**
   * The same, of what is held. In one moment of ten three chunks are on their way between threads, even where there is one
   * chunk; what is held is there each time, and for two moments.
   */
  const held = async (test: Dataset): Promise<{ held: number; kernels: number; report: number }> => {
    const runs = [await run(test), await run(test), await run(test)];
    const least = runs[0].moments.map((_, m) => Math.min(...runs.map(({ moments }) => moments[m])));
    return { ...runs[2], held: least.sort((first, second) => second - first)[1] };
  };
  await run(all.take(32));
  const few = await held(all.take(256));
  const many = await held(all);
  // Two copies of the images that are more would be 42 MiB.
  const images = (samples - 256) * size * 4;
  expect(images / mebibyte).toBeCloseTo(21, 0);
  expect(many.held - few.held).toBeLessThan(images / 4 + 2 * (many.report - few.report));
  expect(2 * (many.report - few.report)).toBeLessThan(images / 4);
  expect(many.kernels).toBeLessThan(few.kernels + 1);
}, 240_000);
