/** What crosses to the engine and back: no view takes the buffer behind it along. */
import type { Worker } from 'node:worker_threads';
import { attacks, createRuntime, datasets, nn, type Runtime, type Tensor } from 'kwta';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { stripeNet, stripes } from '../contract/toys.js';

let runtime: Runtime;
/** All views in what was posted to the engine. */
let posted: ArrayBufferView[] = [];

function viewsIn(value: unknown): ArrayBufferView[] {
  if (ArrayBuffer.isView(value)) return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(viewsIn) : [];
}

/** Bytes that posting these copies beyond what they show. */
const surplus = (views: ArrayBufferView[]): number[] =>
  views
    .filter(({ buffer }) => !(buffer instanceof SharedArrayBuffer))
    .map(({ buffer, byteLength }) => buffer.byteLength - byteLength)
    .filter((bytes) => bytes > 0);

const spy = (worker: Worker): void => {
  const post = worker.postMessage.bind(worker);
  worker.postMessage = (message: unknown, ...rest: never[]) => {
    posted.push(...viewsIn(message));
    post(message, ...rest);
  };
};

beforeAll(async () => {
  process.on('worker', spy);
  runtime = await createRuntime({ threads: 1 });
});
afterEach(() => {
  posted = [];
});
afterAll(async () => {
  process.off('worker', spy);
  await runtime.dispose();
});

/** The same values as a view of something larger. */
function viewOf({ shape, data }: Tensor): Tensor {
  const large = new Float32Array(data.length + 100_000);
  large.set(data, 7);
  return { shape, data: large.subarray(7, 7 + data.length) };
}

it('tensors, labels and parameters', async () => {
  const model = await runtime.model(stripeNet(nn.relu()));
  const data = stripes(12, 1);
  const x = viewOf(data.tensor());
  const labels = Int32Array.from({ length: 100 }, (_, i) => i % 3).subarray(3, 15);
  const state = await model.stateDict();
  const views = Object.fromEntries(Object.entries(state).map(([name, value]) => [name, viewOf(value)]));
  const weight = viewOf({ shape: [2, 64], data: new Float32Array(128).fill(0.1) });
  const flat = { shape: [12, 64], data: x.data };
  const { linear, crossEntropy, matmul, vjp } = runtime.functional;
  await model.loadStateDict(views);
  const results = await Promise.all([
    model.logits(x),
    model.inputGradient(x, labels),
    model.parameterGradients(x, labels),
    model.activationPattern(x),
    model.attack(attacks.pgd({ steps: 2 }), { x, labels, epsilons: [0.1] }),
    model.accuracy(data.slice(3, 7)),
    model.stateDict(),
    linear(flat, { weight }),
    matmul(flat, { shape: [64, 2], data: weight.data }),
    crossEntropy({ shape: [12, 64], data: x.data }, { labels: Buffer.from(labels) }),
    vjp('linear', { x: flat, weight }, viewOf({ shape: [12, 2], data: new Float32Array(24) })),
  ]);
  expect(posted.length).toBeGreaterThan(12);
  expect(surplus(posted)).toEqual([]);
  expect(surplus(viewsIn(results))).toEqual([]);
  // What was given is as it was.
  expect(x.data.buffer.byteLength).toBeGreaterThan(400_000);
  expect(await model.logits(x)).toEqual(await model.logits(data.tensor()));
});

it('datasets on memory that is not shared', async () => {
  const model = await runtime.model(stripeNet(nn.relu()));
  const images = viewOf(stripes(40, 1).tensor());
  const data = datasets.fromTensors({ images, labels: Array.from({ length: 40 }, (_, i) => i % 3), classes: 3 });
  await model.accuracy(data.slice(5, 9));
  expect(posted.length).toBeGreaterThan(1);
  expect(surplus(posted)).toEqual([]);
});
