/** Sweeps whose jobs a queue hands out, as a user runs them: who comes first, what is cancelled, and what a worker that stops gives back. */
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { datasets } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { servers } from '../../scripts/lib/servers.mjs';
import { kwtaIn, writeIdx } from './command.js';

let folder: string;

const at = (name: string) => path.join(folder, name);
const kwta = (args: string, watch?: Parameters<typeof kwtaIn>[2]) => kwtaIn(folder, args.split(' '), watch);
const file = (name: string, epochs: number) => `
name: ${name}
over: { train.optimizer.lr: [0.01, 0.02] }
train:
  data: data
  model: { type: smallCnn, channels: [4, 4, 8], activation: { type: kwta, gamma: 0.2 } }
  epochs: ${epochs}
  batchSize: 50
  checkpoint: { everySteps: 2 }
  optimizer: { type: sgd }
`;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-queue-'));
  writeIdx(at('data'), datasets.synthetic({ count: 200, seed: 1 }), 'train');
  writeIdx(at('data'), datasets.synthetic({ count: 30, seed: 2 }));
  for (const [name, epochs] of [
    ['urgent', 1],
    ['usual', 1],
    ['long', 5000],
    ['stopped', 30],
  ] as const) {
    writeFileSync(at(`${name}.yaml`), file(name, epochs));
  }
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A worker, and what it has said. */
function startWorker(url: string): { said: () => string; stop: () => Promise<number | null> } {
  let text = '';
  let kill = () => {};
  const ended = kwtaIn(folder, ['worker', '--queue', url, '--threads', '1', '--lock', '3'], (stderr, child) => {
    text = stderr;
    kill = () => void child.kill('SIGTERM');
  });
  return {
    said: () => text,
    stop: async () => {
      kill();
      return (await ended).code;
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !holds(); i++) await setTimeout(100);
  expect(holds()).toBe(true);
}

for (const [name, start] of Object.entries(servers)) {
  // Where it is not installed, the runner says that this was skipped.
  describe.skipIf(start === undefined)(name, () => {
    let server: Awaited<ReturnType<NonNullable<typeof start>>>;

    beforeAll(async () => {
      server = await (start as NonNullable<typeof start>)();
    });

    afterAll(() => server?.stop());

    it('does urgent jobs first', async () => {
      const queued = new Set<string>();
      const sweep = (file: string, priority: number) =>
        kwta(
          `sweep ${file}.yaml --queue ${server.url} --priority ${priority} --folder ${name}-${file}.sweep`,
          (stderr) => stderr.includes('0 of 2 trials') && queued.add(file),
        );
      const both = [['usual', 5] as const, ['urgent', 1] as const].map(async ([file, priority]) => {
        const ended = await sweep(file, priority);
        expect(ended.code, ended.stderr).toBe(0);
        expect(ended.stdout).toContain('2 trials done, 0 left behind, 0 failed.');
      });
      // A sweep tells how far it is once its jobs are in the queue: both are there before anybody works on them.
      await until(() => queued.size === 2);
      const worker = startWorker(server.url);
      await Promise.all(both);
      // A worker that goes on would take the jobs of the tests that follow.
      expect(await worker.stop()).toBe(143);
      // Which sweep ends first is a matter of when each looks; when its models were written is not.
      const written = (file: string) => {
        const runs = at(`${name}-${file}.sweep/runs`);
        return readdirSync(runs).map((run) => statSync(path.join(runs, run, 'model.safetensors')).mtimeMs);
      };
      expect(written('urgent')).toHaveLength(2);
      expect(Math.max(...written('urgent'))).toBeLessThan(Math.min(...written('usual')));
    }, 120_000);

    it('cancels what waits and what is being done', async () => {
      const options = `long.yaml --queue ${server.url} --folder ${name}-long.sweep`;
      const worker = startWorker(server.url);
      const leading = kwta(`sweep ${options}`);
      await until(() => worker.said().includes('trial 0'));
      const cancelled = await kwta(`sweep ${options} --cancel`);
      expect(cancelled.stdout).toContain('2 jobs taken out of the queue or stopped');
      const led = await leading;
      expect(led.stderr).toContain('cancelled; the same command goes on from here');
      await until(() => worker.said().includes('trial 0, rung 0: cancelled'));
      expect(worker.said()).not.toContain('trial 1');
      await worker.stop();
    }, 120_000);

    it('gives the job of a worker that is stopped to another, with its checkpoint', async () => {
      const first = startWorker(server.url);
      const leading = kwta(`sweep stopped.yaml --queue ${server.url} --folder ${name}-stopped.sweep`);
      await until(() => /epoch 3\/30/.test(first.said()));
      expect(await first.stop()).toBe(143);
      const second = startWorker(server.url);
      const led = await leading;
      expect(led.code, led.stderr).toBe(0);
      expect(led.stdout).toContain('2 trials done, 0 left behind, 0 failed.');
      expect(second.said()).toMatch(/going on after step \d+/);
      await second.stop();
    }, 120_000);
  });
}
