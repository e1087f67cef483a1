/** Checkpoints that cannot be written: known beforehand where possible, never at the price of the training. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ConfigError, createRuntime, DataError, type FitOptions, nn, optim, type Runtime } from 'kwta';
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
// The type of an error that reports a failed write, and the writer, made to fail.
import type { CheckpointError } from '../../dist/client/checkpoints.js';
import { platform } from '../../dist/platform/node.js';
import { caught, expectError } from '../contract/support.js';
import { stripeNet, stripes } from '../contract/toys.js';

let runtime: Runtime;
let folder: string;
beforeAll(async () => {
  runtime = await createRuntime({ threads: 1 });
  folder = await mkdtemp(path.join(tmpdir(), 'kwta-checkpoints-'));
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(async () => {
  await runtime.dispose();
  await rm(folder, { recursive: true });
});

const data = stripes(24, 1);
const spec = stripeNet(nn.relu());
const options = (file: string): FitOptions => ({
  epochs: 3,
  batchSize: 8,
  optimizer: optim.adam(),
  checkpoint: { path: path.join(folder, file) },
});

it('a folder that does not exist is told at the call', async () => {
  const model = await runtime.model(spec);
  const before = await model.stateDict();
  const start = () => model.fit(data, options('missing/model.safetensors'));
  await expectError(start, ConfigError, 'fit.checkpoint.path', 'missing');
  expect(start).toThrow(ConfigError);
  expect(await model.stateDict()).toEqual(before);
});

it('a write that fails is tried again with the next one, and told', async () => {
  vi.spyOn(platform, 'writeFile').mockRejectedValueOnce(new Error('no space left'));
  const model = await runtime.model(spec);
  const history = await model.fit(data, options('retried'));
  expect(history.epochs.length).toBe(3);
  expect(history.warnings).toEqual([
    expect.stringMatching(/after epoch 0 was not written to .*retried: no space left/),
  ]);
  const written = await runtime.load(path.join(folder, 'retried'));
  expect(await written.stateDict()).toEqual(await model.stateDict());
});

it('when the last one fails, the run says so and keeps its history; the model is trained', async () => {
  const failure = new Error('no space left');
  vi.spyOn(platform, 'writeFile').mockRejectedValue(failure);
  const model = await runtime.model(spec);
  const error = (await caught(model.fit(data, options('full')))) as CheckpointError;
  await expectError(Promise.reject(error), DataError, 'fit.checkpoint', 'after epoch 2', 'no space left');
  expect(error.cause).toBe(failure);
  expect(error.history.epochs.map(({ epoch }) => epoch)).toEqual([0, 1, 2]);
  const undisturbed = await runtime.model(spec);
  await undisturbed.fit(data, { ...options('full'), checkpoint: undefined });
  expect(await model.stateDict()).toEqual(await undisturbed.stateDict());
  expect(await readdir(folder)).not.toContain('full');
});

it('every due epoch is written, or a newer one', async () => {
  const written: number[] = [];
  vi.spyOn(platform, 'writeFile').mockImplementation(async (_, bytes) => {
    written.push(bytes.length);
    await new Promise((resolve) => setTimeout(resolve, 50));
  });
  const model = await runtime.model(spec);
  const { checkpoint } = options('slow') as { checkpoint: { path: string } };
  const history = await model.fit(data, {
    ...options('slow'),
    epochs: 40,
    checkpoint: { ...checkpoint, everyEpochs: 2 },
  });
  expect(history.warnings).toBeUndefined();
  expect(written.length).toBeGreaterThan(1);
  expect(written.length).toBeLessThanOrEqual(20);
});
