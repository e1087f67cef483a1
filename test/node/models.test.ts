/** Models on disk: saved, loaded, checkpointed while they train; files are whole or not there. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, DataError, datasets, type Model, models, nn, optim, ShapeError, schedules } from 'kwta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { caught, expectError, useRuntime } from '../contract/support.js';

const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), channels: [8, 8, 8] });
const data = datasets.synthetic({ count: 40, seed: 1 });
const x = data.tensor();
const sgd = optim.sgd({ lr: 0.01 });
const runtime = useRuntime();
let folder: string;
let path: string;
let model: Model;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kwta-models-'));
  path = join(folder, 'model.safetensors');
  model = await runtime().model(spec, { seed: 1 });
});

afterEach(async () => {
  await model.dispose();
  await rm(folder, { recursive: true });
});

describe('save and load', () => {
  it('give the same model', async () => {
    await model.save(path);
    const loaded = await runtime().load(path);
    expect(await loaded.stateDict()).toEqual(await model.stateDict());
    expect(await loaded.logits(x)).toEqual(await model.logits(x));
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it('keep the gamma that training has come to', async () => {
    const gamma = schedules.anneal({ from: 0.2, to: 0.1, by: 0.05 });
    await model.fit(data, { epochs: 3, optimizer: sgd, gamma });
    await model.save(path);
    const loaded = await runtime().load(path);
    expect(await loaded.activationPattern(x)).toEqual(await model.activationPattern(x));
    expect((await model.activationPattern(x))[0].indices[0].length).toBe(627);
  });

  it('write a file that others read: safetensors', async () => {
    await model.save(path);
    const bytes = await readFile(path);
    const length = Number(bytes.readBigUInt64LE());
    const header = JSON.parse(bytes.subarray(8, 8 + length).toString());
    const { '0.weight': tensor } = await model.stateDict();
    const { dtype, shape, data_offsets: offsets } = header['0.weight'];
    expect([dtype, shape]).toEqual(['F32', [8, 1, 3, 3]]);
    const values = new Float32Array(bytes.buffer.slice(bytes.byteOffset + 8 + length + offsets[0]), 0, 72);
    expect(values).toEqual(tensor.data);
  });

  it('a folder that is not there is an error, and nothing stays behind', async () => {
    const missing = join(folder, 'no', 'model');
    await expectError(model.save(missing), ConfigError, missing, 'there is no folder');
    await expectError(runtime().load(missing), DataError, missing);
    expect(await readdir(folder)).toEqual([]);
  });

  it('a file that is none, or cut, or of another model is an error', async () => {
    await writeFile(path, 'hello');
    await expectError(runtime().load(path), DataError, path, 'safetensors');
    await model.save(path);
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length - 4));
    await expectError(runtime().load(path), DataError, path, 'the file is truncated');
    const text = bytes.toString('latin1').replaceAll('[8,1,3,3]', '[8,3,1,3]');
    await writeFile(path, Buffer.from(text, 'latin1'));
    await expectError(runtime().load(path), ShapeError, "'0.weight'", '[8, 1, 3, 3]', '[8, 3, 1, 3]');
    await writeFile(path, Buffer.from(bytes.toString('latin1').replace('kwta.model', 'KWTA.model'), 'latin1'));
    await expectError(runtime().load(path), DataError, path, "'kwta.model'");
  });
});

describe('checkpoints', () => {
  it('hold the model after each epoch that is due', async () => {
    const states = [];
    for (const epochs of [2, 4]) {
      const other = await runtime().model(spec, { seed: 1 });
      await other.fit(data, { epochs, optimizer: sgd });
      states.push(await other.stateDict());
    }
    const run = model.fit(data, { epochs: 5, optimizer: sgd, checkpoint: { path, everyEpochs: 2 } });
    expect((await run).epochs.length).toBe(5);
    expect(await (await runtime().load(path)).stateDict()).toEqual(states[1]);
    expect(await readdir(folder)).toEqual(['model.safetensors']);
    const short = await runtime().model(spec, { seed: 1 });
    await short.fit(data, { epochs: 3, optimizer: sgd, checkpoint: { path, everyEpochs: 2 } });
    expect(await (await runtime().load(path)).stateDict()).toEqual(states[0]);
  });

  it('are whole, and as old as the last epoch, when a run is aborted', async () => {
    const controller = new AbortController();
    const run = model.fit(data, {
      epochs: 100_000,
      batchSize: 40,
      optimizer: sgd,
      checkpoint: { path },
      signal: controller.signal,
    });
    let epochs = 0;
    const failure = await caught(async () => {
      for await (const event of run) {
        if (event.type === 'epoch') epochs++;
        if (epochs === 3) controller.abort();
      }
    });
    expect((failure as Error).name).toBe('AbortError');
    const other = await runtime().model(spec, { seed: 1 });
    await other.fit(data, { epochs, batchSize: 40, optimizer: sgd });
    expect(await (await runtime().load(path)).stateDict()).toEqual(await other.stateDict());
    expect(await readdir(folder)).toEqual(['model.safetensors']);
  });

  it('that cannot be written are refused at the call', async () => {
    const checkpoint = { path: join(folder, 'no', 'model') };
    const before = await model.stateDict();
    await expectError(
      () => model.fit(data, { epochs: 1, optimizer: sgd, checkpoint }),
      ConfigError,
      'fit.checkpoint.path',
      'there is no folder',
    );
    expect(await model.stateDict()).toEqual(before);
  });
});
