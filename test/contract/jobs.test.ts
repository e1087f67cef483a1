/** Jobs hold their models until they end; they end when they are aborted or when the caller's own code fails. */
import {
  attacks,
  ConfigError,
  createRuntime,
  type Dataset,
  evaluateRobustness,
  type Model,
  nn,
  optim,
  type Runtime,
  type Tensor,
} from 'kwta';
import { describe, expect, it } from 'vitest';
import { caught, expectError, useRuntime } from './support.js';
import { stripeNet, stripes } from './toys.js';

const kwta = stripeNet(nn.kwta({ gamma: 0.2 }));
const sgd = optim.sgd({ lr: 0.05, momentum: 0.9 });
const train = stripes(160, 1);
const few = stripes(12, 2);
const endless = { epochs: 100_000, batchSize: 8, optimizer: sgd };
const pgd = attacks.pgd({ steps: 100_000 });
const samples = (data: Dataset) => ({ x: data.tensor(), labels: data.labels, epsilons: [0.1] });

/** A job that never ends by itself, once it has begun. */
async function begun(start: (signal: AbortSignal, begin: () => void) => PromiseLike<unknown>) {
  const controller = new AbortController();
  let job: Promise<unknown> | undefined;
  await new Promise<void>((resolve, reject) => {
    job = Promise.resolve(start(controller.signal, resolve));
    job.then(reject, reject);
  });
  return {
    abort: async () => {
      controller.abort();
      expect(((await caught(job as Promise<unknown>)) as Error).name).toBe('AbortError');
    },
  };
}

function fitting(model: Model) {
  return begun((signal, begin) => {
    const run = model.fit(train, { ...endless, signal });
    void (async () => {
      for await (const _ of run) begin();
    })().catch(() => {});
    return run;
  });
}

/** Everything that a running job forbids. */
async function expectHeld(model: Model, job: string): Promise<void> {
  const state = await model.stateDict();
  const running = `${job} is running`;
  await expectError(model.dispose(), ConfigError, 'dispose: expected', running);
  await expectError(model.loadStateDict(state), ConfigError, 'loadStateDict: expected', running);
  await expectError(model.fit(few, { epochs: 1, optimizer: sgd }), ConfigError, 'fit: expected', running);
  expect((await model.predict(few.tensor())).length).toBe(12);
}

describe('a job holds its models', () => {
  const runtime = useRuntime();

  it('fit', async () => {
    const model = await runtime().model(kwta);
    const job = await fitting(model);
    await expectHeld(model, 'fit');
    await job.abort();
    await model.dispose();
    await expectError(model.stateDict(), ConfigError, 'used after dispose');
  });

  it('an attack, with the source of a transfer', async () => {
    const [model, source] = [await runtime().model(kwta), await runtime().model(kwta, { seed: 1 })];
    const attack = attacks.transfer({ source, attack: pgd });
    const job = await begun((signal, begin) => {
      // As the target labels them, so that there is something to attack.
      const labels = source.predict(few.tensor());
      return labels.then(() => model.attack(attack, { ...samples(few), signal, onProgress: begin }));
    });
    await expectHeld(model, 'attack');
    await expectHeld(source, 'attack');
    // Jobs that only read share a model.
    expect(await source.accuracy(few)).toBeGreaterThanOrEqual(0);
    await job.abort();
    await Promise.all([model.dispose(), source.dispose()]);
  });

  it('accuracy', async () => {
    const model = await runtime().model(kwta);
    const many = stripes(20_000, 3);
    const answer = model.accuracy(many);
    await expectHeld(model, 'accuracy');
    expect(await answer).toBeGreaterThanOrEqual(0);
    await model.dispose();
  });

  it('so nothing comes between its steps: the weights are those of a run left alone', async () => {
    const weights = async (disturb: (model: Model) => Promise<void>): Promise<Record<string, Tensor>> => {
      const model = await runtime().model(kwta, { seed: 4 });
      const run = model.fit(train, { epochs: 30, batchSize: 8, optimizer: sgd });
      await disturb(model);
      await run;
      return model.stateDict();
    };
    const disturbed = await weights(async (model) => {
      await expectError(model.dispose(), ConfigError, 'fit is running');
      await expectError(model.fit(few, endless), ConfigError, 'fit is running');
      await Promise.all(Array.from({ length: 8 }, (_, seed) => runtime().model(kwta, { seed })));
    });
    expect(disturbed).toEqual(await weights(async () => {}));
  });

  it('but reading is free, and leaves no trace in dropout, batch norm or gradients', async () => {
    const spec = nn.sequential(
      [
        nn.conv2d({ out: 6, kernel: 3, padding: 1 }),
        nn.batchNorm2d(),
        nn.kwta({ gamma: 0.2 }),
        nn.flatten(),
        nn.dropout({ p: 0.4 }),
        nn.linear({ out: 3 }),
      ],
      { input: [1, 8, 8] },
    );
    const weights = async (disturb: boolean): Promise<Record<string, Tensor>> => {
      const model = await runtime().model(spec, { seed: 4 });
      for await (const event of model.fit(train, { epochs: 3, batchSize: 8, optimizer: optim.adam() })) {
        if (!disturb || event.type === 'epoch' || event.step % 7 !== 0) continue;
        const { x, labels } = samples(few);
        await Promise.all([
          model.inputGradient(x, labels),
          model.parameterGradients(x, labels),
          model.accuracy(few),
          model.memory({ batch: 100 }),
          model.stateDict(),
          model.attack(attacks.pgd({ steps: 2 }), samples(few)),
        ]);
      }
      return model.stateDict();
    };
    expect(await weights(true)).toEqual(await weights(false));
  });
});

describe('a job that is aborted', () => {
  const runtime = useRuntime();

  it('rejects at once with the reason, though the engine is in a long step; what needs the model waits', async () => {
    // One step of this takes far longer than a tenth of a second.
    const data = stripes(15_000, 1);
    const waits: number[] = [];
    for (let attempt = 0; attempt < 3; attempt++) {
      const model = await runtime().model(stripeNet(nn.relu()));
      const controller = new AbortController();
      const reason = new Error('enough');
      const job = model.attack(pgd, { ...samples(data), signal: controller.signal });
      await new Promise((resolve) => setTimeout(resolve, 50));
      const aborted = performance.now();
      controller.abort(reason);
      expect(await caught(job)).toBe(reason);
      waits.push(performance.now() - aborted);
      expect((await model.fit(few, { epochs: 1, optimizer: sgd })).epochs.length).toBe(1);
      await model.dispose();
    }
    // The best of three, for the machine may be busy with other things.
    expect(Math.min(...waits)).toBeLessThan(100);
  });

  it('before it has begun waits for nothing', async () => {
    const model = await runtime().model(kwta);
    const job = await fitting(model);
    const controller = new AbortController();
    const second = model.accuracy(train, { signal: controller.signal });
    controller.abort();
    expect(((await caught(second)) as Error).name).toBe('AbortError');
    await job.abort();
    expect((await model.fit(few, { epochs: 2, optimizer: sgd })).epochs.length).toBe(2);
  });
});

describe("the caller's own code", () => {
  const runtime = useRuntime();
  const mine = new RangeError('mine');
  const handlers: [string, () => unknown][] = [
    ['throws', () => raise(mine)],
    ['rejects', () => Promise.reject(mine)],
  ];

  it('hears which share of a data set is done, up to 1', async () => {
    const model = await runtime().model(kwta);
    const shares: number[] = [];
    await model.accuracy(stripes(600, 2), { onProgress: (done) => shares.push(done) });
    expect(shares).toEqual([256 / 600, 512 / 600, 1]);
  });

  it.each(handlers)('that %s ends the job, and the call rejects with that very error', async (_, onProgress) => {
    const model = await runtime().model(kwta);
    expect(await caught(model.attack(pgd, { ...samples(few), onProgress }))).toBe(mine);
    expect(await caught(model.accuracy(few, { onProgress }))).toBe(mine);
    const options = { epsilons: [0.1], attacks: [pgd], onProgress };
    expect(await caught(evaluateRobustness(model, few, options))).toBe(mine);
    expect((await model.logits(few.tensor())).shape).toEqual([12, 3]);
    await model.dispose();
  });

  it('is waited for', async () => {
    const model = await runtime().model(kwta);
    let done = 0;
    await model.accuracy(few, {
      onProgress: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        done++;
      },
    });
    expect(done).toBe(1);
  });

  it('must be code, and a signal a signal', async () => {
    const model = await runtime().model(kwta);
    const wrong = (options: object) => options as never;
    await expectError(model.accuracy(few, wrong({ onProgress: 3 })), ConfigError, 'accuracy.onProgress', 'got 3');
    await expectError(model.accuracy(few, wrong({ signal: 'no' })), ConfigError, 'accuracy.signal', 'AbortSignal');
    await expectError(model.accuracy(few, wrong({ progress: 3 })), ConfigError, 'accuracy', "'progress'");
    const { signal } = new AbortController();
    await expectError(model.attack(pgd, wrong({ ...samples(few), signal, onProgress: {} })), ConfigError, 'onProgress');
    await expectError(model.fit(few, wrong({ ...endless, signal: {} })), ConfigError, 'fit.signal');
  });
});

function raise(error: Error): never {
  throw error;
}

describe('runtimes', () => {
  it('end all that is pending', async () => {
    const runtime: Runtime = await createRuntime({ threads: 1 });
    const [model, other] = [await runtime.model(kwta), await runtime.model(kwta)];
    const run = model.fit(train, endless);
    const iteration = async (): Promise<void> => {
      for await (const event of run) expect(event).toBeDefined();
    };
    const left = async (): Promise<void> => {
      for await (const _ of run) break;
      await run;
    };
    const pending = [run, iteration(), left(), other.attack(pgd, samples(few)), model.dispose(), other.accuracy(train)];
    // These may be answered before.
    const quick = [run.state(), other.predict(few.tensor())];
    const ends = Promise.all([...pending, ...quick].map((call) => caught(call)));
    await new Promise((resolve) => setTimeout(resolve, 60));
    await runtime.dispose();
    for (const [i, error] of (await ends).entries()) {
      if (error !== undefined || i < 4) expect(error).toBeInstanceOf(ConfigError);
    }
    await expectError(run, ConfigError, 'used after dispose');
  });

  it('tell their models from those of others', async () => {
    await using one = await createRuntime({ threads: 1 });
    await using two = await createRuntime({ threads: 1 });
    const [model, stranger, gone] = [await one.model(kwta), await two.model(kwta), await one.model(kwta)];
    expect(new Set([model.id, stranger.id, gone.id]).size).toBe(3);
    const attack = (source: Model) => model.attack(attacks.transfer({ source }), samples(few));
    await expectError(attack(stranger), ConfigError, 'transfer.source', 'made by another runtime');
    await gone.dispose();
    await expectError(attack(gone), ConfigError, 'transfer.source', 'used after dispose');
  });
});
