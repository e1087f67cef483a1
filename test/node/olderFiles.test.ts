/** Files that earlier versions wrote, committed then: they load, and a run goes on from them. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { decodeModel } from '../../dist/io/checkpoint.js';
import { decodeCheckpoint } from '../../dist/train/checkpoint.js';
import { train, validation } from '../../scripts/lib/runs.mjs';
import { expectAllClose, useRuntime } from '../contract/support.js';

const runtime = useRuntime({ threads: 1, deterministic: true });
const place = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}.safetensors`, import.meta.url));

it.each(['checkpoint-1', 'checkpoint-1-final'])('%s loads', async (name) => {
  const { spec, stateDict } = decodeModel(name, await readFile(place(name)));
  const model = await runtime().load(place(name));
  expect(model.spec).toEqual(spec);
  expect(await model.stateDict()).toEqual(stateDict);
});

it('a run goes on from checkpoint-1, with the options in it, to the weights of then', async () => {
  const file = place('checkpoint-1');
  const { state } = decodeCheckpoint(file, await readFile(file));
  expect([state.step, state.epoch.index, state.epoch.position]).toEqual([8, 1, 32]);
  const model = await runtime().model(state.model);
  await model.fit(train, { ...state.options, validation, resumeFrom: file });
  const { stateDict } = decodeModel('final', await readFile(place('checkpoint-1-final')));
  // Kernels may be made to round otherwise since.
  expectAllClose(await model.stateDict(), stateDict, 1e-3);
});
