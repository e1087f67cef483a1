/** What a sweep is made of: its file, its trials, its journal, and who may do what. */
import { appendFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ConfigError } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Board, type Job } from '../../dist/sweep/board.js';
import { nextRungs, rungsOf } from '../../dist/sweep/halving.js';
import { hashOf } from '../../dist/sweep/hash.js';
import { LogFile } from '../../dist/sweep/log.js';
import { planSweep, taskOf } from '../../dist/sweep/plan.js';
import type { Pulse } from '../../dist/sweep/pulse.js';
import { isOver, states } from '../../dist/sweep/replay.js';
import { servers } from '../../scripts/lib/servers.mjs';
import { killWorkers } from '../../scripts/lib/sweepKilling.mjs';
import { simulate, usualScene } from '../../scripts/lib/sweepSimulation.mjs';

const examples = fileURLToPath(new URL('../../examples/sweeps', import.meta.url));

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-sweep-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => path.join(folder, name);
const train = {
  data: 'data',
  epochs: 2,
  batchSize: 50,
  optimizer: { type: 'adam', lr: 0.01 },
  model: { type: 'smallCnn', activation: { type: 'kwta', gamma: 0.2 } },
};
const evaluate = {
  epsilons: [0.1, 0.2],
  attacks: [{ name: 'p', attack: { type: 'pgd', steps: 3 } }, { type: 'square' }],
};

describe('a sweep file', () => {
  it('as a grid makes every combination, with every seed', () => {
    const over = { 'train.model.activation.gamma': [0.5, 0.2], 'evaluate.maxQueries': [10, 20] };
    const plan = planSweep({ name: 's', over, seeds: [3, 5], train, evaluate });
    expect(plan.trials.map(({ options, seed, group }) => [...Object.values(options), seed, group])).toEqual([
      [0.5, 10, 3, 0],
      [0.5, 10, 5, 0],
      [0.5, 20, 3, 1],
      [0.5, 20, 5, 1],
      [0.2, 10, 3, 2],
      [0.2, 10, 5, 2],
      [0.2, 20, 3, 3],
      [0.2, 20, 5, 3],
    ]);
    expect(plan.folder).toBe('s.sweep');
    expect(plan.figures).toEqual([
      'worstCase@0.2',
      'test',
      'clean',
      'worstCase@0.1',
      'p@0.1',
      'p@0.2',
      'square@0.1',
      'square@0.2',
    ]);
    const tasks = plan.trials.map((trial) => taskOf(plan.config, plan.rungs, trial, 0));
    expect(tasks[5].train).toMatchObject({ seed: 5, deterministic: true, model: { activation: { gamma: 0.2 } } });
    expect(tasks[5].evaluate).toMatchObject({ maxQueries: 10, data: 'data', split: 'test' });
    // What differs in its evaluation alone is trained once.
    expect(new Set(tasks.map(({ trainHash }) => trainHash)).size).toBe(4);
    expect(new Set(tasks.map(({ hash }) => hash)).size).toBe(8);
  });

  it('as a random search draws the same trials wherever it is read', () => {
    const over = {
      'train.optimizer.lr': { low: 1e-4, high: 1e-1, log: true },
      'train.batchSize': { low: 16, high: 64, step: 16 },
      'train.regime': [{ type: 'natural' }, { type: 'adversarial', epsilon: 0.1, attack: { type: 'pgd' } }],
    };
    const plan = () => planSweep({ name: 's', search: { type: 'random', trials: 200, seed: 7 }, over, train });
    const { trials, hash } = plan();
    expect(plan()).toMatchObject({ trials, hash });
    const lrs = trials.map(({ options }) => options['train.optimizer.lr'] as number);
    expect(lrs.every((lr) => lr >= 1e-4 && lr <= 1e-1)).toBe(true);
    // Each power of ten gets a third.
    expect(lrs.filter((lr) => lr < 1e-3).length).toBeGreaterThan(40);
    expect(new Set(trials.map(({ options }) => options['train.batchSize']))).toEqual(new Set([16, 32, 48, 64]));
    expect(trials[0].parameters['train.regime'].distribution).toContain('CategoricalDistribution');
  });

  it.each([
    [{ over: { 'optimizer.lr': [1] } }, "over: expected places such as train.optimizer.lr, got 'optimizer.lr'"],
    [{ over: { 'train.seed': [1] } }, 'over: expected seeds in their own option'],
    [{ over: { 'train.optimizer.lr': { low: 1, high: 2 } } }, 'over: expected lists of values for a grid'],
    [{ over: { 'train.optimizer.lr': [0.1, -1] } }, 'train.optimizer.lr: expected a number > 0, got -1'],
    [{ over: { 'evaluate.samples': [1] } }, 'over: evaluate.samples: expected an evaluation'],
    [{ train: { ...train, epoch: 3 } }, "train: unknown option 'epoch' (did you mean 'epochs'?)"],
    [{ train: { ...train, run: 'x' } }, 'train.run: the sweep chooses it'],
    [{ evaluate: { epsilons: [] } }, 'evaluate.epsilons: expected at least one value'],
    [
      { evaluate: { epsilons: [0.1], attacks: [{ type: 'pgd' }, { type: 'pgd', steps: 3 }] } },
      "evaluate.attacks: expected unique names, got 'pgd' twice",
    ],
    [
      { evaluate: { epsilons: [0.1], attacks: [{ type: 'pgd' }, { type: 'fgsm', norm: 'l2' }] } },
      "evaluate.attacks: expected one norm for all, linf as 'pgd', got l2 for 'fgsm'",
    ],
    [
      { evaluate: { epsilons: [0.1], norm: 'l2', attacks: [{ type: 'pgd' }] } },
      "evaluate.attacks: expected one norm for all, l2 as asked for, got linf for 'pgd'",
    ],
    [{ evaluate: { epsilons: [0.1, 0.1] } }, 'evaluate.epsilons: expected different radii, got 0.1 twice'],
    [{ evaluate: { epsilons: [0.5], norm: 'l0' } }, 'evaluate.epsilons: expected '],
    [{ objective: 'clean' }, "objective: expected one of test, got 'clean'"],
    [{ seed: 1 }, "unknown option 'seed' (did you mean 'seeds'?)"],
    [{ search: { type: 'halving', trials: 3, epochs: [2, 2] } }, 'search.epochs: expected ascending numbers'],
    [
      { search: { type: 'halving', trials: 3, epochs: [1, 2] }, train: { ...train, lr: { type: 'cosine' } } },
      'train.lr: expected a schedule that does not depend on the number of epochs',
    ],
  ])('%j is refused', (change, problem) => {
    const file = { name: 's', over: { 'train.optimizer.lr': [0.1] }, train, ...change };
    expect(() => planSweep(file)).toThrow(ConfigError);
    expect(() => planSweep(file)).toThrow(problem);
  });

  it.each(readdirSync(examples))('%s, which users copy, is one', (name) => {
    const { trials, figures } = planSweep(parse(readFileSync(path.join(examples, name), 'utf8')));
    expect(trials.length).toBeGreaterThan(1);
    expect(figures.length).toBeGreaterThan(0);
  });

  it('is what the documentation shows', () => {
    const page = readFileSync(new URL('../../docs/sweeps.md', import.meta.url), 'utf8');
    const [, yaml] = page.match(/```yaml\n(.*?)```/s) ?? [];
    expect(planSweep(parse(yaml)).trials).toHaveLength(18);
  });

  it('has a hash that does not depend on the order of its options', () => {
    expect(hashOf({ a: 1, b: { c: [1, 2], d: 3 } })).toBe(hashOf({ b: { d: 3, c: [1, 2] }, a: 1 }));
    expect(hashOf({ a: [1, 2] })).not.toBe(hashOf({ a: [2, 1] }));
  });
});

/** Workers that live until they are said to be dead. */
class Pulses implements Pulse {
  readonly gone = new Set<string>();
  sign = (): string => 'same';
  isGone = (worker: string): boolean => this.gone.has(worker);
}

const plan = planSweep({ name: 's', over: { 'train.optimizer.lr': [0.1, 0.2, 0.3] }, train });

describe('a board', () => {
  let time = 0;
  const pulse = new Pulses();
  const boardOf = async (file: string, worker: string, { trials, hash, rungs } = plan) => {
    const options = { name: 's', sweep: hash, log: new LogFile(at(file)), pulse, worker, rungs, now: () => time };
    const board = new Board({ ...options, patience: 1000 });
    await board.open(trials);
    return board;
  };
  const claimed = async (board: Board) => (await board.claim()) as Job;

  it('gives each job to one worker, and a result counts once', async () => {
    const [a, b] = [await boardOf('once', 'a'), await boardOf('once', 'b')];
    const [first, second, third] = [await claimed(a), await claimed(b), await claimed(a)];
    expect([first, second, third].map(({ trial }) => trial.number)).toEqual([0, 1, 2]);
    expect(await b.claim()).toBe('wait');
    await a.report(first, 0.5, { figures: {} });
    await a.report(first, 0.7, {});
    await b.fail(second, 'no');
    await a.report(third, 0.1, {});
    expect(await b.claim()).toBe('done');
    expect(b.trials.map(({ state, value }) => [state, value])).toEqual([
      [states.complete, 0.5],
      [states.failed, undefined],
      [states.complete, 0.1],
    ]);
    expect(b.trials[1].attributes.error).toBe('no');
  });

  it('gives a job on when its worker is gone, or has been silent for too long; and the first result counts', async () => {
    const [a, b] = [await boardOf('left', 'a'), await boardOf('left', 'b')];
    const [own, other] = [await claimed(a), await claimed(a)];
    const mine = await claimed(b);
    expect(await b.claim()).toBe('wait');
    time += 999;
    expect(await b.claim()).toBe('wait');
    time += 1;
    expect((await claimed(b)).trial.number).toBe(own.trial.number);
    expect(a.owns(own)).toBe(false);
    expect(a.owns(other)).toBe(true);
    // Who seemed dead brings the same, and later.
    await b.report({ trial: b.trials[0], rung: 0 }, 0.5, {});
    await a.report(own, 0.5, {});
    pulse.gone.add('a');
    expect((await claimed(b)).trial.number).toBe(other.trial.number);
    await b.release(mine);
    expect((await claimed(b)).trial.number).toBe(mine.trial.number);
    expect(readFileSync(at('left'), 'utf8').match(/"state":1/g)).toHaveLength(1);
  });

  it('survives a line that was cut, and refuses another sweep', async () => {
    const a = await boardOf('cut', 'a');
    const job = await claimed(a);
    appendFileSync(at('cut'), '{"op_code":6,"trial_id":0,"sta');
    const b = await boardOf('cut', 'b');
    expect(b.trials[0].state).toBe(states.running);
    await a.report(job, 1, {});
    b.refresh();
    expect(b.trials[0].state).toBe(states.complete);
    for (const line of readFileSync(at('cut'), 'utf8').trimEnd().split('\n')) JSON.parse(line);
    const other = planSweep({ name: 's', over: { 'train.optimizer.lr': [0.1, 0.2] }, train });
    await expect(boardOf('cut', 'c', other)).rejects.toThrow(/a sweep 's' already that was made from other options/);
  });

  it('waits for a lock, and does not take it from its holder', async () => {
    const log = new LogFile(at('lock'));
    const other = new LogFile(at('lock'));
    const order: string[] = [];
    const work = (who: LogFile, name: string) => who.exclusive(() => void order.push(`${name}+`, `${name}-`));
    await Promise.all(Array.from({ length: 20 }, (_, i) => work(i % 2 ? log : other, String(i))));
    expect(order).toHaveLength(40);
    for (let i = 0; i < 40; i += 2) expect(order[i + 1]).toBe(order[i].replace('+', '-'));
    expect(existsSync(at('lock.lock'))).toBe(false);
    // As Optuna holds it.
    symlinkSync('lock', at('lock.lock'));
    let entered = false;
    const waiting = log.exclusive(() => {
      entered = true;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(entered).toBe(false);
    rmSync(at('lock.lock'));
    await waiting;
  });

  it('lets the best go on in a halving, judged with their kin', async () => {
    const halving = planSweep({
      name: 's',
      search: { type: 'halving', trials: 4, epochs: [1, 2], factor: 2 },
      over: { 'train.optimizer.lr': { low: 0.1, high: 1 } },
      seeds: 2,
      train,
    });
    const board = await boardOf('halving', 'h', halving);
    for (let i = 0; i < 8; i++) {
      const job = await claimed(board);
      expect([job.trial.number, job.rung]).toEqual([i, 0]);
      expect(taskOf(halving.config, halving.rungs, halving.trials[i], 0).train.epochs).toBe(1);
      // Configuration 2 has the best mean, 0 the best single value.
      if (i === 3) await board.fail(job, 'diverged');
      else await board.report(job, [0.9, 0.1, 0.8, 0, 0.7, 0.7, 0.6, 0.6][i], {});
    }
    const next = [];
    for (let job = await board.claim(); typeof job === 'object'; job = await board.claim()) {
      next.push([job.trial.number, job.rung]);
      await board.report(job, job.trial.number / 10, {});
    }
    expect(next).toEqual([4, 5, 6, 7].map((number) => [number, 1]));
    expect(board.trials.every(isOver)).toBe(true);
    expect(board.trials.map(({ state }) => state)).toEqual([2, 2, 2, 3, 1, 1, 1, 1]);
  });

  it('has as many survivors as the factor says, and at least one', () => {
    expect(rungsOf(27, [1, 3, 9, 27], 3).map(({ survivors }) => survivors)).toEqual([9, 3, 1, 1]);
    const alone = nextRungs([{ group: 0, values: [0.1], failed: false }], rungsOf(1, [1, 2], 3));
    expect(alone).toEqual([1]);
  });
});

describe('killed workers', () => {
  const settled = { workers: 2, seed: 3 };

  it('lose nothing: each job has one result, that of a serial run', async () => {
    const { kills, problems } = await killWorkers({ ...settled, jobs: 30 });
    expect(problems).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(2);
  }, 180_000);

  for (const [name, start] of Object.entries(servers)) {
    // Where it is not installed, the runner says that this was skipped.
    it.skipIf(start === undefined)(
      `over ${name}, neither`,
      async () => {
        const server = await (start as NonNullable<typeof start>)();
        try {
          const { kills, problems } = await killWorkers({ ...settled, jobs: 15, queue: server.url });
          expect(problems).toEqual([]);
          expect(kills).toBeGreaterThanOrEqual(1);
        } finally {
          await server.stop();
        }
      },
      180_000,
    );
  }
});

describe('many jobs by a fake clock', () => {
  it('all come to their end, whoever dies, is slow or silent', async () => {
    const scene = { ...usualScene, jobs: 400, workers: 12, life: 3600, stalled: 0.05, seed: 2 };
    const found = await simulate(scene);
    expect(found).toMatchObject({ over: 400, failed: found.hopeless });
    expect(found.deaths).toBeGreaterThan(5);
    expect(found.takenOver).toBeGreaterThan(5);
    expect(found.makespan).toBeGreaterThan(found.ideal);
    expect(found.makespan).toBeLessThan(3 * found.ideal);
  });
});
