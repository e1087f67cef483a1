/** Workers that die: every pending promise is rejected, later calls say why, and a new runtime works. */
import type { Worker } from 'node:worker_threads';
import { attacks, createRuntime, datasets, models, nn, optim, type Runtime, WorkerLostError } from 'kwta';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { caught, expectError } from '../contract/support.js';

const data = datasets.synthetic({ count: 64, seed: 1 });
const spec = models.smallCnn({ activation: nn.kwta({ gamma: 0.2 }), channels: [8, 8, 8] });

/** The workers that a runtime starts: first its engine, then its team. */
let workers: Worker[];
let runtime: Runtime | undefined;
const collect = (worker: Worker): void => {
  workers.push(worker);
};

beforeEach(() => {
  workers = [];
  process.on('worker', collect);
});

afterEach(async () => {
  process.off('worker', collect);
  await runtime?.dispose();
});

async function start(threads: number): Promise<Runtime> {
  runtime = await createRuntime({ threads });
  expect(workers.length).toBe(threads);
  return runtime;
}

/** Kills a worker in the middle of training, with other calls pending. */
async function killed(threads: number, which: number): Promise<void> {
  const lost = await start(threads);
  const model = await lost.model(spec);
  const other = await lost.model(spec);
  const x = data.tensor();
  const run = model.fit(data, { epochs: 100_000, batchSize: 16, optimizer: optim.sgd({ lr: 0.01 }) });
  for await (const event of run) if (event.type === 'batch' && event.step === 3) break;
  const attack = { x, labels: data.labels, epsilons: [0.1] };
  const iteration = async (): Promise<void> => {
    for await (const event of run) expect(event).toBeDefined();
  };
  const long = [run, iteration(), other.attack(attacks.pgd({ steps: 100_000 }), attack)];
  // These may be answered before the end.
  const short = [other.accuracy(data), model.logits(x), lost.functional.relu(x)];
  const failures = Promise.all([...long, ...short].map((call) => caught(call)));
  await workers[which].terminate();
  for (const [i, error] of (await failures).entries()) {
    if (error === undefined && i >= long.length) continue;
    expect(error).toBeInstanceOf(WorkerLostError);
    expect((error as Error).message).toContain('create a new runtime');
  }
  await expectError(run, WorkerLostError, 'died', 'exited with code 1');
  await expectError(model.logits(x), WorkerLostError, 'died');
  await expectError(lost.model(spec), WorkerLostError, 'died');
  await lost.dispose();
}

describe('a worker that dies in the middle of training', () => {
  it('the only one', () => killed(1, 0));
  it('the engine of a team', () => killed(3, 0));
  it('a thread of the team', () => killed(3, 2));

  it('takes the others with it', async () => {
    const ends = () => Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
    const lost = await start(3);
    const ended = ends();
    await workers[1].terminate();
    await ended;
    await expectError(lost.model(spec), WorkerLostError, 'a worker of the team died');
  });

  it('a new runtime takes up where the last state was', async () => {
    const first = await start(2);
    const model = await first.model(spec);
    await model.fit(data, { epochs: 1, optimizer: optim.sgd({ lr: 0.01 }) });
    const state = await model.stateDict();
    const logits = await model.logits(data.tensor());
    await workers[0].terminate();
    await expectError(model.logits(data.tensor()), WorkerLostError);
    await using second = await createRuntime({ threads: 2 });
    const again = await second.model(spec);
    await again.loadStateDict(state);
    expect(await again.logits(data.tensor())).toEqual(logits);
  });
});

describe('the process', () => {
  it('is not kept alive by an idle runtime, and is by a pending call', async () => {
    const { execFile } = await import('node:child_process');
    const script = `
      import { createRuntime, datasets, models, nn, optim } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
      const runtime = await createRuntime({ threads: 2 });
      const model = await runtime.model(models.smallCnn({ activation: nn.relu(), channels: [4, 4, 4] }));
      model.fit(datasets.synthetic({ count: 64, seed: 1 }), { epochs: 3, optimizer: optim.adam() })
        .then(({ epochs }) => console.log('epochs', epochs.length));
    `;
    const output = await new Promise<string>((resolve, reject) => {
      const options = { timeout: 30_000 };
      execFile(process.execPath, ['--input-type=module', '--eval', script], options, (error, stdout) => {
        if (error) reject(error);
        else resolve(stdout);
      });
    });
    expect(output).toBe('epochs 3\n');
  });
});
