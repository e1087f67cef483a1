/** `kwta sweep` as a user runs it: stopped, killed and taken up, and with the results of the commands that it stands for. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { datasets } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timeless } from '../contract/support.js';
import { kwtaIn, writeIdx } from './command.js';

let folder: string;

const at = (name: string) => path.join(folder, name);
const text = (name: string) => readFileSync(at(name), 'utf8');
const kwta = (args: string, watch?: Parameters<typeof kwtaIn>[2]) => kwtaIn(folder, args.split(' '), watch);

const file = `
name: gamma
over:
  train.model.activation.gamma: [0.5, 0.2]
  train.regime: [{ type: natural }, { type: adversarial, epsilon: 0.1, attack: { type: pgd, steps: 2 } }]
train:
  data: data
  model: { type: smallCnn, channels: [4, 4, 8], activation: { type: kwta, gamma: 0.2 } }
  epochs: 3
  batchSize: 50
  checkpoint: { everySteps: 2 }
  optimizer: { type: adam, lr: 0.01 }
evaluate: { samples: 20, epsilons: [0.05], attacks: [{ name: climb, attack: { type: pgd, steps: 5 } }] }
`;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-sweep-'));
  writeIdx(at('data'), datasets.synthetic({ count: 400, seed: 1 }), 'train');
  writeIdx(at('data'), datasets.synthetic({ count: 60, seed: 2 }));
  writeFileSync(at('gamma.yaml'), file);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a sweep has made, without what depends on the moment. */
function made(sweep: string): unknown {
  const reports = readdirSync(at(`${sweep}/reports`)).sort();
  const runs = readdirSync(at(`${sweep}/runs`)).sort();
  return {
    models: runs.map((run) => [run, readFileSync(at(`${sweep}/runs/${run}/model.safetensors`), 'base64')]),
    reports: reports.map((name) => [name, timeless(JSON.parse(text(`${sweep}/reports/${name}`)))]),
  };
}

describe('kwta sweep', () => {
  it('does every job once, and makes a table, a page and a journal', async () => {
    const ended = await kwta('sweep gamma.yaml --threads 1 --json trials.json');
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toMatch(/│ trial │ activation\.gamma │ +train\.regime|regime/);
    expect(ended.stdout).toContain('4 trials done, 0 left behind, 0 failed.');
    const trials = JSON.parse(text('trials.json'));
    expect(trials).toHaveLength(4);
    for (const { state, value, figures, hash } of trials) {
      expect(state).toBe('complete');
      expect(value).toBe(figures['worstCase@0.05'].accuracy);
      expect(Object.keys(figures).sort()).toEqual(['clean', 'climb@0.05', 'test', 'worstCase@0.05']);
      const report = JSON.parse(text(`gamma.sweep/reports/${hash}.json`));
      expect(figures.clean.correct).toBe(report.clean.correct);
    }
    const page = text('gamma.sweep/index.html');
    expect(page).not.toMatch(/(src|href)="(?!data:|#)|url\(|@import|NaN|undefined/);
    expect(page).toContain('<span class="status">done</span>');
    expect(page).toContain('Accuracy against activation.gamma');
    expect(page.match(/<path d="[^"]+" stroke-opacity/g)).toHaveLength(4);
    expect(page.match(/<path class="interval-band/g)?.length).toBeGreaterThanOrEqual(8);
    // Nothing is left of what is done.
    expect(readdirSync(at('gamma.sweep/work'))).toEqual([]);
    const again = await kwta('sweep gamma.yaml --threads 1');
    expect(again.code, again.stderr).toBe(0);
    expect(text('gamma.sweep/journal.log').match(/"state":1,/g)).toHaveLength(4);
  }, 120_000);

  it('comes to the same bits when workers are killed and it is stopped and taken up', async () => {
    let step = 0;
    const pids = () => readdirSync(at('killed.sweep/alive')).map((name) => Number(name.split('-').at(-2)));
    const stopped = await kwta('sweep gamma.yaml --folder killed.sweep --workers 2 --threads 1', (_, child) => {
      if (step > 0) return;
      step = 1;
      const timer = setInterval(() => {
        const work = existsSync(at('killed.sweep/work')) ? readdirSync(at('killed.sweep/work')) : [];
        const checkpoint = work.find((name) =>
          existsSync(at(`killed.sweep/work/${name}/checkpoints/checkpoint.safetensors`)),
        );
        if (step === 1 && checkpoint !== undefined) {
          step = 2;
          process.kill(pids().find((pid) => checkpoint.includes(`-${pid}-`)) as number, 'SIGKILL');
        } else if (
          step === 2 &&
          existsSync(at('killed.sweep/runs')) &&
          readdirSync(at('killed.sweep/runs')).length >= 1
        ) {
          step = 3;
          clearInterval(timer);
          child.kill('SIGINT');
        }
      }, 50);
      child.on('exit', () => clearInterval(timer));
    });
    expect(step).toBe(3);
    expect(stopped.code, stopped.stderr).toBe(130);
    const resumed = await kwta('sweep gamma.yaml --folder killed.sweep --threads 1');
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(made('killed.sweep')).toEqual(made('gamma.sweep'));
  }, 180_000);

  it('is shared by shards', async () => {
    const first = await kwta('sweep gamma.yaml --folder shards.sweep --threads 1 --shard 0/2');
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toContain('2 trials done, 0 left behind, 0 failed, 2 of other shards to come.');
    const second = await kwta('sweep gamma.yaml --folder shards.sweep --threads 1 --shard 1/2');
    expect(second.stdout).toContain('4 trials done');
    expect(made('shards.sweep')).toEqual(made('gamma.sweep'));
  }, 120_000);

  it('goes on from the checkpoints of the rung before in a halving', async () => {
    const search = '  train.optimizer.lr: { low: 0.001, high: 0.01, log: true }';
    const halving = `search: { type: halving, trials: 3, epochs: [1, 3], factor: 3 }\n${file.replace(/over:.*?\ntrain:/s, `over:\n${search}\ntrain:`)}`;
    writeFileSync(at('halving.yaml'), `${halving}objective: test\n`);
    const ended = await kwta('sweep halving.yaml --folder halving.sweep --threads 1 --json halving.json');
    expect(ended.code, ended.stderr).toBe(0);
    expect(ended.stdout).toContain('1 trials done, 2 left behind, 0 failed.');
    const trials = JSON.parse(text('halving.json')) as {
      state: string;
      value: number;
      options: Record<string, number>;
    }[];
    const best = trials.find(({ state }) => state === 'complete');
    // As if it had been trained so long at once.
    const lr = best?.options['train.optimizer.lr'];
    const alone = file.replace(/over:.*?\ntrain:/s, `over:\n  train.optimizer.lr: [${lr}]\ntrain:`);
    writeFileSync(at('alone.yaml'), alone);
    expect((await kwta('sweep alone.yaml --folder alone.sweep --threads 1')).code).toBe(0);
    const [alike] = readdirSync(at('alone.sweep/runs'));
    expect(readdirSync(at('halving.sweep/runs'))).toContain(alike);
    const model = (sweep: string) => readFileSync(at(`${sweep}/runs/${alike}/model.safetensors`), 'base64');
    expect(model('halving.sweep')).toBe(model('alone.sweep'));
  }, 120_000);

  it.each([
    ['sweep nothing.yaml', 'sweep: there is no file nothing.yaml that can be read'],
    ['sweep gamma.yaml --shard 2/2', 'expected i/n with i from 0 to n - 1'],
    ['sweep gamma.yaml --cancel', '--cancel: expected --queue, got none'],
    ['sweep gamma.yaml --queue mysql://x', "--queue: expected redis://... or postgres://..., got 'mysql://x'"],
    ['worker --queue redis://127.0.0.1:1', '--queue: redis://127.0.0.1:1 does not answer'],
  ])('%s is refused', async (args, problem) => {
    const ended = await kwta(args);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(problem);
  });
});
