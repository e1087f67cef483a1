/** The command line as a user runs it: what it prints, writes and answers, how it fails and how it stops. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DemoResult } from '../../dist/cli/demo/result.js';
// What intervals the command must print, and the type of its JSON, which the package does not export.
import { wilson } from '../../dist/evaluate/statistics.js';
import { command, type Ended, kwtaIn } from './command.js';

/** Where Fashion-MNIST is, on machines that have it. */
const data = process.env.KWTA_DATA;

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-cli-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `kwta args`; `watch` may act on what it has written to standard error. */
const kwta = (args: string[], watch?: (stderr: string, child: ChildProcess) => void): Promise<Ended> =>
  kwtaIn(folder, args, watch);

/** A demo of seconds: the figures mean little, but all of them must be there and fit each other. */
const small = ['demo', '--synthetic', '--regime', 'natural', '--train-samples', '600', '--epochs', '1'];

describe('demo', () => {
  let ended: Ended;
  let result: DemoResult & { verdict: string[] };
  let html: string;

  beforeAll(async () => {
    const outputs = ['--json', 'out.json', '--html', 'out.html'];
    ended = await kwta([...small, '--samples', '12', '--gamma', '0.2', '--seed', '3', '--deterministic', ...outputs]);
    result = JSON.parse(readFileSync(path.join(folder, 'out.json'), 'utf8'));
    html = readFileSync(path.join(folder, 'out.html'), 'utf8');
  }, 240_000);

  it('succeeds, and leaves nothing but what was asked for', () => {
    expect(ended.code).toBe(0);
    expect(readdirSync(folder).sort()).toEqual(['out.html', 'out.json']);
  });

  it('prints a table with every figure, and the verdict', () => {
    for (const model of result.models) {
      for (const attack of model.attacks) {
        expect(ended.stdout).toContain(`${(100 * attack.accuracy).toFixed(1)} %`);
        expect(ended.stdout).toContain(attack.name);
      }
    }
    expect(ended.stdout).toContain('worst case');
    for (const sentence of result.verdict) expect(ended.stdout).toContain(sentence);
    expect(ended.stdout).toContain('asked for by --synthetic');
  });

  it('reports progress on standard error in plain lines', () => {
    expect(ended.stderr).toContain('Training ReLU: loss');
    expect(ended.stderr).toContain('Training k-WTA (γ = 0.2): loss');
    expect(ended.stderr).toContain('estimated gradient on k-WTA (γ = 0.2):');
    expect(ended.stderr).not.toContain('\u001b');
    expect(ended.stdout).not.toContain('\u001b');
  });

  it('writes the run as JSON', () => {
    expect(result).toMatchObject({
      dataset: 'synthetic figures',
      regime: 'natural',
      seed: 3,
      epochs: 1,
      trainImages: 600,
      samples: 12,
      epsilons: [0.1, 0.2],
      runtime: { variant: 'simd-threads' },
    });
    expect(result.models.map(({ name, gamma }) => ({ name, gamma }))).toEqual([
      { name: 'ReLU', gamma: null },
      { name: 'k-WTA', gamma: 0.2 },
    ]);
    const [relu, kwtaModel] = result.models;
    expect(relu.parameters).toBe(kwtaModel.parameters);
    expect(relu.parameters).toBeLessThan(1_000_000);
    for (const { history } of result.models) expect(history.at(-1)?.epoch).toBe(1);
  });

  it('has every attack at every epsilon, with figures that fit each other', () => {
    for (const { clean, attacks, worstCase } of result.models) {
      expect(clean.predictions).toHaveLength(result.labels.length);
      expect(clean.correct).toBe(clean.predictions.filter((p, i) => p === result.labels[i]).length);
      const names = ['FGSM', 'PGD-40', 'estimated gradient', 'transfer', 'cascade'];
      expect(attacks.map(({ name, epsilon }) => [name, epsilon])).toEqual(
        names.flatMap((name) => [0.1, 0.2].map((epsilon) => [name, epsilon])),
      );
      for (const attack of attacks) {
        const { correct, total, accuracy, ci95, survived, predictions, queries, gradient, scope } = attack;
        expect(total).toBe(12);
        expect(accuracy).toBe(correct / total);
        expect(ci95).toEqual(wilson(correct, total));
        expect(correct).toBe(survived.filter(Boolean).length);
        if (scope === 'left') continue;
        expect(survived).toEqual(predictions.map((prediction, i) => prediction === result.labels[i]));
        expect(queries.forward > 0).toBe(gradient !== 'transfer');
        if (gradient !== 'exact') expect(queries.backward).toBe(0);
      }
      for (const epsilon of result.epsilons) {
        // A smaller ball lies inside.
        const here = attacks.filter((attack) => attack.epsilon <= epsilon);
        const unbroken = result.labels.slice(0, 12).filter((_, i) => here.every(({ survived }) => survived[i]));
        expect(worstCase[epsilon].correct).toBe(unbroken.length);
      }
    }
  });

  it('gives the cascade what all others left at each radius, within the budget that it prints', () => {
    expect(ended.stdout).toMatch(/^Cascade: .* on what all others left: at most 4200 queries an image\.$/m);
    for (const { attacks, worstCase } of result.models) {
      for (const radius of [0.1, 0.2]) {
        const others = attacks.filter(({ name, epsilon }) => name !== 'cascade' && epsilon <= radius);
        const before = attacks.filter(({ name, epsilon }) => name === 'cascade' && epsilon < radius);
        const left = result.labels.slice(0, 12).filter((_, i) => [...others, ...before].every((a) => a.survived[i]));
        const cascade = attacks.find(({ name, epsilon }) => name === 'cascade' && epsilon === radius);
        expect(cascade).toMatchObject({ scope: 'left', attacked: left.length, correct: worstCase[radius].correct });
        expect(cascade?.meanQueries ?? 0).toBeLessThanOrEqual(4200);
        const stages = left.length > 0 ? ['1 apgd', '2 adaptiveKwta'] : [];
        expect(cascade?.stages?.map(({ name }) => name)).toEqual(stages);
      }
    }
  });

  it('has findings, the weights that they are about, and no finding twice', () => {
    for (const { findings = [], weights } of result.models) {
      expect(weights).toMatch(/^[0-9a-f]{64}$/);
      expect(findings.map(({ code }) => code)).toContain('few-samples');
      expect(new Set(findings.map(({ message }) => message)).size).toBe(findings.length);
      for (const { message } of findings) expect(ended.stdout).toContain(message);
    }
  });

  it('shows examples that were right and that the attack broke, inside the ball', () => {
    for (const { name, clean, attacks } of result.models) {
      const pgd = attacks.find((attack) => attack.name === 'PGD-40' && attack.epsilon === 0.1);
      const broken = pgd?.survived.filter((alive, i) => !alive && clean.predictions[i] === result.labels[i]) ?? [];
      const shown = result.examples.filter(({ model, attack }) => model === name && attack === 'PGD-40');
      expect(shown).toHaveLength(Math.min(2, broken.length));
    }
    for (const example of result.examples) {
      expect(example.cleanPrediction).toBe(example.label);
      expect(example.adversarialPrediction).not.toBe(example.label);
      const moved = example.adversarial.map((pixel, i) => Math.abs(pixel - example.original[i]));
      expect(Math.max(...moved)).toBeLessThanOrEqual(example.epsilon + 1e-6);
      expect(Math.min(...example.adversarial)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...example.adversarial)).toBeLessThanOrEqual(1);
    }
  });

  it('writes a report that loads nothing from elsewhere', () => {
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).not.toMatch(/(src|href)="(?!data:|#)/);
    for (const { name } of result.models[0].attacks) expect(html).toContain(name);
  });

  it('finds the same again with the same seed', async () => {
    const again = await kwta([
      ...small,
      '--samples',
      '4',
      '--seed',
      '3',
      '--deterministic',
      '--threads',
      '1',
      '--json',
      'a.json',
    ]);
    const other = await kwta([...small, '--samples', '4', '--seed', '3', '--deterministic', '--json', 'b.json']);
    expect([again.code, other.code]).toEqual([0, 0]);
    const [a, b] = ['a.json', 'b.json'].map((name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
    expect(a.runtime.threads).toBe(1);
    const figures = ({ models }: DemoResult) =>
      models.map(({ history, clean, attacks }) => ({
        history,
        clean,
        attacks: attacks.map(({ seconds, ...rest }) => ({ ...rest, timed: seconds >= 0 })),
      }));
    expect(figures(a)).toEqual(figures(b));
  }, 240_000);
});

describe('interrupted', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('by %s ends cleanly with code %i', async (signal, code) => {
    let sent = false;
    const args = ['demo', '--synthetic', '--train-samples', '4000', '--json', 'never.json', '--html', 'never.html'];
    const ended = await kwta(args, (stderr, child) => {
      // The runtime is there; training has begun.
      if (sent || !stderr.includes('kernels')) return;
      sent = true;
      setTimeout(() => child.kill(signal), 500);
    });
    expect(ended.code).toBe(code);
    expect(ended.stderr).toContain('stopping');
    expect(ended.stderr).not.toContain('Error');
    expect(ended.stdout).toBe('');
    expect(readdirSync(folder).filter((name) => name.includes('never'))).toEqual([]);
  });
});

it('loses no file when nobody reads what it prints', async () => {
  const code = await new Promise((resolve) => {
    const args = [command, ...small, '--samples', '2', '--threads', '1', '--json', 'unread.json'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout.destroy();
    child.stderr.destroy();
    child.on('close', resolve);
  });
  expect(JSON.parse(readFileSync(path.join(folder, 'unread.json'), 'utf8')).verdict.length).toBeGreaterThan(0);
  expect(code).toBe(0);
});

describe('wrong options', () => {
  it.each([
    [['--gamma', '0'], "option '--gamma <share>' argument '0' is invalid. expected a number above 0 and at most 1."],
    [['--gamma', '1.5'], 'expected a number above 0 and at most 1.'],
    [['--epochs', '1.5'], "option '--epochs <n>' argument '1.5' is invalid. expected a whole number >= 1."],
    [['--samples', '0'], 'expected a whole number >= 1.'],
    [['--seed', '-1'], 'expected a whole number >= 0.'],
    [['--threads', 'all'], 'expected a whole number >= 1.'],
    [['--regime', 'none'], 'Allowed choices are adversarial, natural.'],
    [['--colour'], "unknown option '--colour'"],
    [['--sample', '10'], "unknown option '--sample' (Did you mean --samples?)"],
    [['--json'], "option '--json <file>' argument missing"],
    [['--json', '/no/such/folder/out.json'], 'there is no folder /no/such/folder.'],
    [['--html', '.'], 'is a folder.'],
    [['--data', '.'], '--data: expected train-images-idx3-ubyte, '],
    [['--data', '.', '--synthetic'], '--synthetic and --data <dir>: expected at most one of them'],
  ])('%j: one line on standard error, code 2', async (args, message) => {
    const ended = await kwta(['demo', ...args]);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).toMatch(/^kwta: .+\n$/);
    expect(ended.stdout).toBe('');
  });

  it.skipIf(data === undefined)('rejects more images than the dataset has', async () => {
    const ended = await kwta(['demo', '--data', data as string, '--train-samples', '60001']);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toBe('kwta: --train-samples: expected at most 60000 (Fashion-MNIST train), got 60001\n');
  });
});

describe('info', () => {
  it('tells what is used, also as JSON', async () => {
    const ended = await kwta(['info', '--threads', '1', '--json', 'info.json']);
    expect(ended.code).toBe(0);
    expect(ended.stdout).toMatch(/^runtime +variant \S+, threads 1, shared memory yes$/m);
    const info = JSON.parse(readFileSync(path.join(folder, 'info.json'), 'utf8'));
    expect(info).toMatchObject({ node: process.versions.node, runtime: { threads: 1, shared: true } });
  });
});
