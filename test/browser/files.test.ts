/** Files in a page: read by `fetch`, or the page's own, which alone are written. */
import { ConfigError, createRuntime, DataError, datasets, models, nn, optim, type Runtime } from 'kwta';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
// What `model.save` would write: in a page there is no other way to get a model's file.
import { encodeModel } from '../../ts/io/checkpoint.js';

let runtime: Runtime;
const spec = models.smallCnn({ activation: nn.relu() });

beforeAll(async () => {
  runtime = await createRuntime({ threads: 1 });
});
afterAll(() => runtime.dispose());
afterEach(() => {
  vi.restoreAllMocks();
});

it('loads a model by its URL, as text or as an object', async () => {
  const model = await runtime.model(spec, { seed: 3 });
  const state = await model.stateDict();
  const url = URL.createObjectURL(new Blob([new Uint8Array(encodeModel(spec, state))]));
  for (const place of [url, new URL(url)]) expect(await (await runtime.load(place)).stateDict()).toEqual(state);
});

it('says what the server answered', async () => {
  const answers = vi.spyOn(globalThis, 'fetch');
  answers.mockImplementation(async () => new Response(null, { status: 404 }));
  await expect(runtime.load('/none')).rejects.toThrow(DataError);
  await expect(runtime.load('/none')).rejects.toThrow('load: there is no file /none');
  await expect(datasets.idx({ images: '/none', labels: '/none' })).rejects.toThrow(
    /images: expected a file, found none/,
  );
  answers.mockImplementation(async () => new Response(null, { status: 500 }));
  await expect(runtime.load('/broken')).rejects.toThrow('cannot read /broken: the server answered 500');
  answers.mockImplementation(async () => {
    throw new TypeError('Failed to fetch');
  });
  await expect(runtime.load('/broken')).rejects.toThrow('cannot read /broken: Failed to fetch');
  await expect(runtime.load('/broken')).rejects.toThrow(DataError);
});

it('refuses to write files anywhere else', async () => {
  const model = await runtime.model(spec);
  await expect(model.save('model')).rejects.toThrow(ConfigError);
  await expect(model.save('model')).rejects.toThrow(/cannot write model: a browser cannot write files there/);
  await expect(model.save('opfs:')).rejects.toThrow(/the path of a file/);
  await expect(model.save('opfs:a/../b')).rejects.toThrow(/the path of a file/);
});

it('refuses a checkpoint before any training', async () => {
  const model = await runtime.model(spec);
  const data = datasets.synthetic({ count: 8, seed: 0 });
  const options = { epochs: 1, optimizer: optim.adam(), checkpoint: { path: 'model.safetensors' } };
  expect(() => model.fit(data, options)).toThrow(ConfigError);
  expect(() => model.fit(data, options)).toThrow('a browser cannot write files');
});

it("keeps checkpoints in the page's own files, and goes on from them to the same bits", async () => {
  const path = 'opfs:runs/first/model.safetensors';
  await expect(runtime.load(path)).rejects.toThrow(`load: there is no file ${path}`);
  const data = datasets.synthetic({ count: 24, seed: 0 });
  const options = { epochs: 3, batchSize: 8, optimizer: optim.adam(), validation: data };
  const model = await runtime.model(spec, { seed: 3 });
  await model.fit(data, { ...options, checkpoint: { path, everySteps: 4, keep: 2, best: true } });
  const whole = await model.stateDict();
  for (const name of ['model', 'model-4', 'model-best']) {
    const resumed = await runtime.model(spec);
    await resumed.fit(data, { ...options, resumeFrom: `opfs:runs/first/${name}.safetensors` });
    expect(await resumed.stateDict(), name).toEqual(whole);
  }
  await model.save(path);
  expect(await (await runtime.load(new URL(path))).stateDict()).toEqual(whole);
});

/** Handles of a folder and a file of the page's own, which are made. */
async function ownFile(folder: string, file: string): Promise<FileSystemFileHandle> {
  const place = await (await navigator.storage.getDirectory()).getDirectoryHandle(folder, { create: true });
  return place.getFileHandle(file, { create: true });
}

it('takes what a page leaves that is closed in its first write for no file', async () => {
  const path = 'opfs:left/model.safetensors';
  const file = await ownFile('left', 'model.safetensors');
  await expect(runtime.load(path)).rejects.toThrow(`load: there is no file ${path}`);
  const data = datasets.synthetic({ count: 16, seed: 0 });
  const model = await runtime.model(spec, { seed: 3 });
  const options = { epochs: 1, batchSize: 8, optimizer: optim.adam() };
  await expect(model.fit(data, { ...options, resumeFrom: path })).rejects.toThrow(`there is no file ${path}`);
  // Nor is it in the way of the next.
  await model.fit(data, { ...options, checkpoint: { path } });
  expect((await file.getFile()).size).toBeGreaterThan(0);
  expect(await (await runtime.load(path)).stateDict()).toEqual(await model.stateDict());
});

it('reads a file that is replaced all the time whole, and two that write it both succeed', async () => {
  const path = 'opfs:busy/model.safetensors';
  const all = await Promise.all([1, 2].map((seed) => runtime.model(spec, { seed })));
  const states = await Promise.all(all.map((model) => model.stateDict()));
  await all[0].save(path);
  let open = true;
  const writing = all.map(async (model) => {
    while (open) await model.save(path);
  });
  try {
    const read = new Set<number>();
    for (let i = 0; i < 100; i++) {
      const state = JSON.stringify(await (await runtime.load(path)).stateDict());
      read.add(states.findIndex((each) => JSON.stringify(each) === state));
    }
    expect([...read].sort()).toEqual([0, 1]);
  } finally {
    open = false;
    await Promise.all(writing);
  }
});
