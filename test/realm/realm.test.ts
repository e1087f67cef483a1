/**
 * The package in a realm of its own, as Jest, `vitest --pool vmThreads` and pages with frames load it: what comes back
 * from a worker is made of another realm's classes, and must be as good as what is made here.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { attacks, createRuntime, datasets, models, nn, optim, type Runtime, type Tensor, tensor } from 'kwta';
import { afterAll, beforeAll, expect, it } from 'vitest';

let runtime: Runtime;
let folder: string;
const train = datasets.synthetic({ count: 64, seed: 1 });
const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.1 }) });

beforeAll(async () => {
  runtime = await createRuntime({ threads: 1 });
  folder = await mkdtemp(join(tmpdir(), 'kwta-realm-'));
});

afterAll(async () => {
  await runtime.dispose();
  await rm(folder, { recursive: true });
});

const values = ({ shape, data }: Tensor) => ({ shape: Array.from(shape), data: Array.from(data) });

it("takes back a model's own parameters and logits", async () => {
  const model = await runtime.model(spec);
  const state = await model.stateDict();
  const [first] = Object.values(state);
  expect(first.data, 'else this test shows nothing').not.toBeInstanceOf(Float32Array);
  const x = train.tensor([0, 1]);
  const before = values(await model.logits(x));
  const other = await runtime.model(spec, { seed: 9 });
  await other.loadStateDict(state);
  expect(values(await other.logits(x))).toEqual(before);
  const logits = await model.logits(x);
  const loss = await runtime.functional.crossEntropy(logits, { labels: await model.predict(x) });
  expect(loss.data[0]).toBeGreaterThan(0);
});

it('trains, attacks, and attacks what an attack left', async () => {
  const model = await runtime.model(spec);
  const { epochs } = await model.fit(train, { epochs: 1, optimizer: optim.adam(), validation: train.take(10) });
  expect(epochs.length).toBe(1);
  expect(await model.accuracy(train)).toBeGreaterThan(0);
  const x = train.tensor([0, 1, 2]);
  const once = await model.attack(attacks.fgsm(), { x, labels: train.labels.slice(0, 3), epsilons: [0.1] });
  const { predictions } = await model.attack(attacks.fgsm(), {
    x: once.clipped[0],
    labels: once.predictions[0],
    epsilons: [0.1],
  });
  expect(predictions[0].length).toBe(3);
});

it('saves and loads by URL objects, and reads bytes from Node', async () => {
  const model = await runtime.model(spec);
  const url = pathToFileURL(join(folder, 'model'));
  await model.save(url);
  expect((await runtime.load(url)).parameters).toBe(model.parameters);
  const bytes = await readFile(url);
  await expect(datasets.idx({ images: bytes, labels: bytes })).rejects.toThrow(/images: expected an IDX file/);
});

it('makes datasets from arrays that a model gave', async () => {
  const model = await runtime.model(spec);
  const { data, shape } = await model.logits(train.tensor([0, 1]));
  const images = tensor(data, [2, 1, 1, shape[1]]);
  expect(images.data).toBe(data);
  const pixels = (await runtime.functional.softmax({ shape, data })).data;
  const made = datasets.fromTensors({
    images: { shape: [2, 1, 1, shape[1]], data: pixels },
    labels: new Uint8Array(2),
  });
  expect(Array.from(made.shuffle(1).tensor().data).length).toBe(2 * shape[1]);
});
