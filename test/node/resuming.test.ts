/** Checkpoints as files: which there are, that a run goes on from each to the same bits, that no damage passes. */
import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  attacks,
  ConfigError,
  createRuntime,
  DataError,
  DivergedError,
  type FitOptions,
  type Model,
  nn,
  optim,
  type Runtime,
  regimes,
  schedules,
} from 'kwta';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
// The step that a checkpoint is of.
import { decodeCheckpoint } from '../../dist/train/checkpoint.js';
import { runs, train as runsData, spec as runsModel } from '../../scripts/lib/runs.mjs';
import { caught, expectError } from '../contract/support.js';
import { stripeNet, stripes } from '../contract/toys.js';

let runtime: Runtime;
let root: string;
let folder: string;
beforeAll(async () => {
  runtime = await createRuntime({ threads: 1, deterministic: true });
  root = await mkdtemp(path.join(tmpdir(), 'kwta-resuming-'));
});
beforeEach(async () => {
  folder = await mkdtemp(path.join(root, 'run-'));
});
afterAll(async () => {
  await runtime.dispose();
  await rm(root, { recursive: true });
});

const train = stripes(50, 1);
const validation = stripes(20, 2);
/** Draws anew in each pass, in eval mode, too. */
const spec = nn.sequential(
  [
    nn.conv2d({ out: 4, kernel: 3, padding: 1 }),
    nn.batchNorm2d(),
    nn.kwta({ gamma: 0.5 }),
    nn.flatten(),
    nn.dropout({ p: 0.3, always: true }),
    nn.linear({ out: 3 }),
  ],
  { input: [1, 8, 8] },
);
/** Four steps an epoch, the last one of two samples. */
const options: FitOptions = {
  epochs: 3,
  batchSize: 16,
  optimizer: optim.adamw({ lr: 0.01 }),
  lr: schedules.cosine(),
  gamma: schedules.anneal({ from: 0.4, to: 0.2, by: 0.1 }),
  regime: regimes.adversarial(attacks.pgd({ steps: 2 }), { epsilon: 0.1 }),
  validation,
  seed: 5,
};

describe('checkpoints', () => {
  it('are at the path, beside it by step, and the best; a run goes on from each to the same bits', async () => {
    const file = path.join(folder, 'run.safetensors');
    const model = await runtime.model(spec, { seed: 2 });
    const run = model.fit(train, { ...options, checkpoint: { path: file, everySteps: 1, keep: 20, best: true } });
    // Whoever asks in the midst of it changes nothing.
    for await (const event of run) if (event.type === 'batch') await model.logits(validation.tensor());
    const { epochs } = await run;
    const whole = await model.stateDict();
    const names = await readdir(folder);
    const older = Array.from({ length: 11 }, (_, i) => `run-${i + 1}.safetensors`);
    expect(names.sort()).toEqual(['run.safetensors', 'run-best.safetensors', ...older].sort());
    const undisturbed = await runtime.model(spec, { seed: 2 });
    await undisturbed.fit(train, options);
    expect(await undisturbed.stateDict()).toEqual(whole);
    for (const name of names.filter((_, i) => i % 3 === 0)) {
      const resumed = await runtime.model(spec);
      const rest = await resumed.fit(train, { ...options, resumeFrom: path.join(folder, name) });
      expect(await resumed.stateDict(), name).toEqual(whole);
      const figures = (list: typeof epochs) => list.map(({ loss, validationAccuracy }) => [loss, validationAccuracy]);
      expect(figures(rest.epochs), name).toEqual(figures(epochs.slice(3 - rest.epochs.length)));
    }
    const accuracies = epochs.map(({ validationAccuracy }) => validationAccuracy as number);
    const best = accuracies.indexOf(Math.max(...accuracies));
    const [loaded, then] = await Promise.all(
      ['best', best === 2 ? undefined : 4 * (best + 1)].map((suffix) =>
        runtime.load(path.join(folder, suffix === undefined ? 'run.safetensors' : `run-${suffix}.safetensors`)),
      ),
    );
    const parameters = await then.stateDict();
    expect(await loaded.stateDict()).toEqual(parameters);
  });

  it('are as many as wished, those of an earlier process counted', async () => {
    const file = path.join(folder, 'run');
    const checkpoint = { path: file, everyEpochs: 1, keep: 2 };
    const steady = { ...options, lr: undefined };
    await (await runtime.model(spec)).fit(train, { ...steady, epochs: 1, checkpoint });
    expect(await readdir(folder)).toEqual(['run']);
    await (await runtime.model(spec)).fit(train, { ...steady, epochs: 2, checkpoint, resumeFrom: file });
    expect((await readdir(folder)).sort()).toEqual(['run', 'run-4']);
    await (await runtime.model(spec)).fit(train, { ...steady, epochs: 3, checkpoint, resumeFrom: file });
    expect((await readdir(folder)).sort()).toEqual(['run', 'run-8']);
  });

  it('follow links and keep modes; two writers both succeed', async () => {
    await mkdir(path.join(folder, 'real'));
    const target = path.join(folder, 'real', 'run');
    const link = path.join(folder, 'link');
    await writeFile(target, '');
    await chmod(target, 0o640);
    await symlink(target, link);
    const models = await Promise.all([1, 2].map((seed) => runtime.model(spec, { seed })));
    const runs = models.map((model, i) =>
      model.fit(train, { ...options, seed: i, checkpoint: { path: link, everySteps: 1 } }),
    );
    for (const run of runs) expect((await run).warnings).toBeUndefined();
    expect((await lstat(link)).isSymbolicLink()).toBe(true);
    expect((await stat(target)).mode & 0o777).toBe(0o640);
    expect(await readdir(path.join(folder, 'real'))).toEqual(['run']);
    const written = await (await runtime.load(link)).stateDict();
    const finals = await Promise.all(models.map((model) => model.stateDict()));
    expect(finals).toContainEqual(written);
  });

  it('are written when the caller wishes, too', async () => {
    const file = path.join(folder, 'run');
    const abort = new AbortController();
    const model = await runtime.model(spec, { seed: 2 });
    const many = { ...options, lr: undefined, gamma: undefined, epochs: 100_000 };
    const run = model.fit(train, { ...many, checkpoint: { path: file, everyEpochs: 100_000 }, signal: abort.signal });
    await run.checkpoint();
    abort.abort();
    await caught(run);
    const { state } = decodeCheckpoint(file, new Uint8Array(await readFile(file)));
    const epochs = Math.ceil(state.step / 4) + 1;
    const whole = await runtime.model(spec, { seed: 2 });
    await whole.fit(train, { ...many, epochs });
    const resumed = await runtime.model(spec);
    await resumed.fit(train, { ...many, epochs, resumeFrom: file });
    expect(await resumed.stateDict()).toEqual(await whole.stateDict());
    await expectError(run.checkpoint(), ConfigError, 'has ended');
    const without = whole.fit(train, { ...many, epochs: 1 });
    await expectError(without.checkpoint(), ConfigError, 'fit.checkpoint.path');
    await without;
  });

  it('say which option differs, and what is no checkpoint', async () => {
    const file = path.join(folder, 'run');
    await (await runtime.model(spec)).fit(train, { ...options, epochs: 3, checkpoint: { path: file } });
    const model = await runtime.model(spec);
    const before = await model.stateDict();
    const resume = (change: Partial<FitOptions>) => model.fit(train, { ...options, resumeFrom: file, ...change });
    await expectError(resume({ batchSize: 8 }), ConfigError, 'expected batchSize 16', 'got 8');
    await expectError(resume({ optimizer: optim.adam() }), ConfigError, 'optimizer', '"adamw"');
    await expectError(resume({ epochs: 4 }), ConfigError, 'epochs');
    const others = model.fit(stripes(50, 3), { ...options, resumeFrom: file });
    await expectError(others, ConfigError, 'resumeFrom', 'the samples of the run so far');
    await expectError(resume({ resumeFrom: `${file}-none` }), DataError, 'fit.resumeFrom: there is no file');
    await model.save(file);
    await expectError(resume({}), DataError, file, 'expected a checkpoint', 'a model alone');
    expect(await model.stateDict()).toEqual(before);
    const both = { path: file, everyEpochs: 1, everySteps: 1 };
    expect(() => model.fit(train, { ...options, checkpoint: both })).toThrow('everyEpochs or everySteps');
    const best = { path: file, best: true };
    expect(() => model.fit(train, { ...options, validation: undefined, checkpoint: best })).toThrow('validation data');
  });
});

describe.each(Object.entries(runs))('%s', (_, wanted) => {
  it('ends with the same bits from each of its checkpoints, and each is the model that was validated', async () => {
    const file = path.join(folder, 'run');
    const model = await runtime.model(runsModel, { seed: 3 });
    const checkpoint = { path: file, everySteps: 1, keep: 100, best: true };
    const { epochs } = await model.fit(runsData, { ...wanted, checkpoint });
    const whole = await model.stateDict();
    const names = await readdir(folder);
    const replays = wanted.regime?.type === 'free' ? wanted.regime.replays : 1;
    expect(names.length).toBe(6 * replays * epochs.length + 1);
    // In the midst of an epoch, before and after its validation, and at the end.
    for (const name of ['run-1', 'run-6', 'run-8', 'run-best', 'run']) {
      const resumed = await runtime.model(runsModel);
      await resumed.fit(runsData, { ...wanted, resumeFrom: path.join(folder, name) });
      expect(await resumed.stateDict(), name).toEqual(whole);
    }
  });
});

describe('a damaged checkpoint', () => {
  it('is refused, and what is wrong is named', async () => {
    const file = path.join(folder, 'run');
    await (await runtime.model(spec)).fit(train, { ...options, checkpoint: { path: file } });
    const bytes = await readFile(file);
    const header = 8 + Number(bytes.readBigUInt64LE(0));
    const { __metadata__: _, ...entries } = JSON.parse(bytes.toString('utf8', 8, header));
    const refused = async (damaged: Uint8Array, ...parts: string[]) => {
      await writeFile(file, damaged);
      await expectError(runtime.load(file), DataError, file, ...parts);
      const model = await runtime.model(spec);
      await expectError(model.fit(train, { ...options, resumeFrom: file }), DataError, ...parts);
    };
    for (const [name, { data_offsets: offsets }] of Object.entries<{ data_offsets: number[] }>(entries)) {
      const flipped = Uint8Array.from(bytes);
      flipped[header + offsets[0]] ^= 1;
      await refused(flipped, `the values of '${name}' are damaged`);
    }
    await refused(bytes.subarray(0, bytes.length - 1), 'the file is truncated');
    const edited = (from: string, to: string) => Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');
    await refused(edited('\\"gamma\\":0.2', '\\"gamma\\":0.3'), 'the metadata are damaged');
    await refused(edited('\\"step\\":12', '\\"step\\":13'), 'the metadata are damaged');
    await refused(edited('"kwta.format":"1"', '"kwta.format":"7"'), 'expected the version 1 of the format, got 7');
    await refused(edited('kwta.checksum', 'kwta.checksun'), "got 'kwta.checksun'");
  });
});

it('a run that diverges names the step, the layer and the last good checkpoint', async () => {
  const file = path.join(folder, 'run');
  const model: Model = await runtime.model(stripeNet(nn.relu()), { seed: 1 });
  const error = await caught(
    model.fit(train, {
      epochs: 5,
      batchSize: 25,
      optimizer: optim.sgd({ lr: 1e30 }),
      checkpoint: { path: file, everySteps: 1 },
    }),
  );
  await expectError(Promise.reject(error), DivergedError, 'fit:', 'step', 'layer', 'the last good checkpoint is', file);
  const [, step] = /of step (\d+)/.exec((error as Error).message) ?? [];
  expect((await runtime.load(file)).parameters).toBe(model.parameters);
  expect(Number(step)).toBeGreaterThan(0);
});
