/** Training on samples that are read as they are needed: the same bits as ever, resumed in the middle, with few of them alive. */
import {
  ConfigError,
  DataError,
  type Dataset,
  datasets,
  nn,
  optim,
  ShapeError,
  type StreamedDataset,
  schedules,
  type TrainState,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { stateAt, useRuntime } from './support.js';
import { stripes } from './toys.js';

const runtime = useRuntime({ deterministic: true, threads: 1 });

const spec = nn.sequential(
  [nn.conv2d({ out: 4, kernel: 3 }), nn.batchNorm2d(), nn.kwta({ gamma: 0.3 }), nn.flatten(), nn.linear({ out: 3 })],
  {
    input: [1, 8, 8],
  },
);

/** Sample after sample of a dataset; tells how many were made. */
function counted(data: Dataset) {
  const made = { samples: 0, passes: 0, closed: 0 };
  async function* samples() {
    made.passes++;
    try {
      for (let i = 0; i < data.length; i++) {
        made.samples++;
        const { shape, data: pixels } = data.tensor([i]);
        yield { x: { shape: shape.slice(1), data: pixels }, label: data.labels[i] };
      }
    } finally {
      made.closed++;
    }
  }
  return { samples, made };
}

const streamOf = (data: Dataset, shuffleBuffer: number, samples = counted(data).samples): Promise<StreamedDataset> =>
  datasets.fromIterable(samples, { stream: true, length: data.length, shape: [1, 8, 8], classes: 3, shuffleBuffer });

const options = { epochs: 3, batchSize: 7, optimizer: optim.sgd({ lr: 0.05, momentum: 0.9 }), seed: 5 };

async function trained(train: Dataset | StreamedDataset, more: object = {}) {
  await using model = await runtime().model(spec, { seed: 3 });
  const history = await model.fit(train, { ...options, ...more });
  return { history, weights: await model.stateDict() };
}

describe('a stream', () => {
  it('is shuffled through its buffer, and trains: with a buffer of one in its own order', async () => {
    const data = stripes(40, 1);
    const seen: number[][] = [];
    for (const buffer of [1, 8, 40]) {
      const { history, weights } = await trained(await streamOf(data, buffer));
      expect(history.epochs).toHaveLength(3);
      expect(history.epochs[2].loss).toBeLessThan(history.epochs[0].loss);
      seen.push(Array.from(weights['0.weight'].data));
    }
    expect(new Set(seen.map(String)).size).toBe(3);
  });

  it('goes on in the middle of an epoch to the same bits, with augmentation, changes of gamma and averages', async () => {
    const data = stripes(40, 1);
    const more = {
      augment: [{ type: 'flip', p: 0.5 }] as const,
      gamma: schedules.anneal({ from: 0.4, to: 0.2, by: 0.1 }),
      estimateStatistics: true,
      swa: { from: 1 },
    };
    const { weights } = await trained(await streamOf(data, 8), more);
    for (const stop of [2, 6, 9, 13]) {
      const state = await stateAfter(await streamOf(data, 8), more, stop);
      expect((await trained(await streamOf(data, 8), { ...more, resumeFrom: state })).weights).toEqual(weights);
    }
  });

  it('of other samples, or another buffer, is not what a run goes on with', async () => {
    const state = await stateAfter(await streamOf(stripes(40, 1), 8), {}, 3);
    for (const other of [await streamOf(stripes(40, 2), 8), await streamOf(stripes(40, 1), 9)]) {
      await expect(trained(other, { resumeFrom: state })).rejects.toThrow(
        /expected the samples of the run so far, got others/,
      );
    }
  });

  it('holds no more samples than its buffer and a few batches', async () => {
    const data = stripes(3000, 1);
    const { samples, made } = counted(data);
    const stream = await streamOf(data, 16, samples);
    await using model = await runtime().model(spec, { seed: 3 });
    const before = made.samples;
    let most = 0;
    const run = model.fit(stream, { ...options, epochs: 1, batchSize: 10 });
    for await (const event of run) {
      if (event.type === 'batch') most = Math.max(most, made.samples - before - 10 * event.step);
    }
    // What tells the samples from others is read first: 256.
    expect(made.passes).toBe(2);
    // On a machine that does other things as well, events arrive some batches late.
    expect(most - 256).toBeLessThanOrEqual(16 + 10 * 20);
    expect(made.closed).toBe(2);
  });

  it('that fails ends the run with its error, and the model can be used', async () => {
    const data = stripes(40, 1);
    let passes = 0;
    async function* failing() {
      passes++;
      let count = 0;
      for await (const sample of counted(data).samples()) {
        if (passes > 1 && ++count > 20) throw new DataError('the disk is gone');
        yield sample;
      }
    }
    await using model = await runtime().model(spec, { seed: 3 });
    await expect(model.fit(await streamOf(data, 4, failing), options)).rejects.toThrow(/the disk is gone/);
    const short = await datasets.fromIterable(counted(data).samples, {
      stream: true,
      length: 50,
      shape: [1, 8, 8],
      classes: 3,
    });
    await expect(model.fit(short, options)).rejects.toThrow(/expected 50 samples, as its length says, found 40/);
    await model.fit(data, { ...options, epochs: 1 });
  });

  it('that never comes is aborted', async () => {
    async function* silent(): AsyncGenerator<{ x: { shape: number[]; data: Float32Array }; label: number }> {
      yield { x: { shape: [1, 8, 8], data: new Float32Array(64) }, label: 0 };
      await new Promise(() => {});
    }
    const fields = { stream: true, length: 20, shape: [1, 8, 8] as [number, number, number], classes: 3 } as const;
    await using model = await runtime().model(spec, { seed: 3 });
    // Once with a pass that tells the samples from others, once without.
    for (const source of [silent(), silent]) {
      const stream = await datasets.fromIterable(source, fields);
      const ending = new AbortController();
      setTimeout(() => ending.abort(), 100);
      await expect(model.fit(stream, { ...options, epochs: 1, signal: ending.signal })).rejects.toMatchObject({
        name: 'AbortError',
      });
    }
    await model.fit(stripes(10, 1), { ...options, epochs: 1 });
  });

  it('of one pass is enough for one epoch, and refused for more', async () => {
    const data = stripes(40, 1);
    const once = () => streamOf(data, 4, counted(data).samples() as never);
    expect((await trained(await once(), { epochs: 1 })).history.epochs).toHaveLength(1);
    await using model = await runtime().model(spec, { seed: 3 });
    const stream = await once();
    expect(() => model.fit(stream, options)).toThrow(ConfigError);
    expect(() => model.fit(stream, options)).toThrow(/read again, for 3 epochs; got an iterator that has one pass/);
    const state = await stateAfter(await streamOf(data, 4), {}, 3);
    expect(() => model.fit(stream, { ...options, epochs: 1, resumeFrom: state })).toThrow(/for resumeFrom/);
  });

  it('must fit the model', async () => {
    const wide = await datasets.fromIterable([], { stream: true, length: 4, shape: [1, 8, 9], classes: 3 });
    const many = await datasets.fromIterable([], { stream: true, length: 4, shape: [1, 8, 8], classes: 4 });
    const data = stripes(4, 1);
    const shaped = await datasets.fromIterable(counted(data).samples, {
      stream: true,
      length: 4,
      shape: [1, 8, 9],
      classes: 3,
    });
    await expect(trained(wide)).rejects.toThrow(/expected 4 samples/);
    await expect(trained(many)).rejects.toThrow(/expected 4 samples/);
    await expect(trained(shaped)).rejects.toThrow(ShapeError);
  });

  it('gives batches in order, and its first images in memory', async () => {
    const data = stripes(40, 1);
    const stream = await streamOf(data, 8);
    const labels: number[] = [];
    for await (const batch of stream.batches(11)) labels.push(...batch.labels);
    expect(labels).toEqual(Array.from(data.labels));
    const part = await stream.load(13);
    expect(part.length).toBe(13);
    expect(part.tensor()).toEqual(data.take(13).tensor());
    await expect(stream.load(41)).rejects.toThrow(/load\(n\): expected a whole number >= 1 and <= 40/);
  });
});

/** The state after a step, of a run that goes no further. */
async function stateAfter(train: StreamedDataset, more: object, step: number): Promise<TrainState> {
  await using model = await runtime().model(spec, { seed: 3 });
  const ending = new AbortController();
  const run = model.fit(train, { ...options, ...more, paused: true, signal: ending.signal });
  const state = await stateAt(run, step);
  ending.abort();
  await expect(Promise.resolve(run)).rejects.toMatchObject({ name: 'AbortError' });
  return state;
}

describe('fromIterable', () => {
  const images = { shape: [2, 1, 1, 2], data: Float32Array.of(0, 0.25, 0.5, 1) };
  const sample = { x: { shape: [1, 1, 2], data: Float32Array.of(0.75, 0) }, label: 2 };

  it('collects samples and batches of iterables of every kind', async () => {
    const items = [{ x: images, labels: [1, 0] }, sample];
    async function* later() {
      yield* items;
    }
    for (const source of [items, new Set(items), items.values(), later(), later, () => items]) {
      const data = await datasets.fromIterable(source, { name: 'mine' });
      expect([data.name, data.length, data.classes]).toEqual(['mine', 3, 3]);
      expect(Array.from(data.images)).toEqual([0, 0.25, 0.5, 1, 0.75, 0]);
      expect(Array.from(data.labels)).toEqual([1, 0, 2]);
    }
    const mapped = await datasets.fromIterable(
      [
        { ...sample, label: -7 },
        { x: images, labels: [900, -7] },
      ],
      { mapLabels: true },
    );
    expect(Array.from(mapped.labels)).toEqual([0, 1, 0]);
    expect(mapped.classNames).toEqual(['-7', '900']);
  });

  it('names the sample that is wrong', async () => {
    const read = (...items: object[]) => datasets.fromIterable(items as (typeof sample)[], { name: 'mine' });
    await expect(read()).rejects.toThrow(/mine: expected at least one sample, found none/);
    await expect(read(sample, { ...sample, label: 0.5 })).rejects.toThrow(
      /mine: sample 1: expected a whole number as a label, got 0.5/,
    );
    await expect(read(sample, { ...sample, label: -1 })).rejects.toThrow(
      /mine: expected labels .*, found -1 at index 1/,
    );
    await expect(read(sample, { x: images, label: 1 })).rejects.toThrow(/mine: sample 1: x: expected 3 dimensions/);
    await expect(read(sample, { x: images, labels: [1] })).rejects.toThrow(/mine: sample 1: labels: expected 2/);
    await expect(read(sample, { x: { shape: [2, 1, 1], data: Float32Array.of(0, 0) }, label: 1 })).rejects.toThrow(
      /mine: sample 1: expected an image \[1, 1, 2\], got \[2, 1, 1\]/,
    );
    await expect(read({ x: { ...sample.x, data: Float32Array.of(0, 1.5) }, label: 1 })).rejects.toThrow(
      /pixels from 0 to 1, got 1.5 at index 1/,
    );
    await expect(read({ image: 1 })).rejects.toThrow(/mine: sample 0: expected \{ x, label \} or \{ x, labels \}/);
  });

  it('checks its options', async () => {
    const read = (options: object, source: unknown = [sample]) =>
      datasets.fromIterable(source as [], options as { stream: true });
    const stream = { stream: true, length: 4, shape: [1, 1, 2], classes: 3 };
    await expect(read({}, 5)).rejects.toThrow(/samples: expected an iterable, or a function that returns one, got 5/);
    await expect(read({ ...stream, length: undefined })).rejects.toThrow(/length: expected a whole number >= 1/);
    await expect(read({ ...stream, classes: undefined })).rejects.toThrow(/classes: expected a whole number >= 2/);
    await expect(read({ ...stream, shape: undefined })).rejects.toThrow(
      /shape: expected \[C, H, W\] of the images of a stream/,
    );
    await expect(read({ ...stream, shape: [1, 2] })).rejects.toThrow(/shape: expected \[C, H, W\] of whole numbers/);
    await expect(read({ ...stream, mapLabels: true })).rejects.toThrow(
      /mapLabels: expected labels that are classes for a stream/,
    );
    await expect(read({ length: 4 })).rejects.toThrow(/length: expected stream: true with it/);
    await expect(read({ stream: 1 })).rejects.toThrow(/stream: expected true or false/);
    await expect(read({ batch: 1 })).rejects.toThrow(/unknown option 'batch'/);
  });
});
