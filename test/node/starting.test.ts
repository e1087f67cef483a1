/** How a runtime starts or does not, and how the process around it ends. */
import { execFile } from 'node:child_process';
import type { Worker } from 'node:worker_threads';
import { ConfigError, createRuntime, WorkerLostError } from 'kwta';
import { describe, expect, it } from 'vitest';
import { expectError } from '../contract/support.js';

const entry = JSON.stringify(new URL('../../dist/index.js', import.meta.url).href);

/** What a program prints, run by a shell after `before`. */
function printed(before: string, program: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const command = `${before} exec "$0" --input-type=module --eval "$1"`;
    execFile('sh', ['-c', command, process.execPath, program], { timeout: 50_000 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`${error.message}\n${stderr}`));
      else resolve(stdout);
    });
  });
}

describe('a runtime', () => {
  it('of which a thread does not start leaves none running', async () => {
    const ends: Promise<unknown>[] = [];
    let started = 0;
    const kill = (worker: Worker): void => {
      ends.push(new Promise((resolve) => worker.once('exit', resolve)));
      if (++started === 3) void worker.terminate();
    };
    process.on('worker', kill);
    try {
      await expectError(createRuntime({ threads: 4 }), WorkerLostError, 'a worker of the team did not start');
    } finally {
      process.off('worker', kill);
    }
    expect(ends.length).toBe(4);
    await Promise.all(ends);
  });

  it('that is to be deterministic does not take a build that is not', async () => {
    const options = { deterministic: true, variant: 'relaxed-threads' } as const;
    await expectError(createRuntime(options), ConfigError, 'createRuntime.variant', 'deterministic', 'relaxed-threads');
  });

  it('for which there is no address space says so', async () => {
    const program = `
      import { createRuntime, MemoryError } from ${entry};
      for (const options of [{ threads: 2 }, { variant: 'simd' }]) {
        const error = await createRuntime(options).catch((error) => error);
        console.log(error instanceof MemoryError, error.code, /ulimit/.test(error.message));
      }
    `;
    expect(await printed('ulimit -v 8000000;', program)).toBe('true ERR_KWTA_MEMORY true\n'.repeat(2));
  });
});

describe('the process', () => {
  it('goes on when a runtime is disposed of in the middle of a run', async () => {
    const program = `
      import { createRuntime, datasets, models, nn, optim } from ${entry};
      const runtime = await createRuntime({ threads: 2 });
      const model = await runtime.model(models.smallCnn({ activation: nn.relu() }));
      const run = model.fit(datasets.synthetic({ count: 3000, seed: 5 }), { epochs: 50, optimizer: optim.adam() });
      for await (const event of run) break;
      await runtime.dispose();
      console.log(1);
      console.log(await run.catch(({ code }) => code));
    `;
    expect(await printed('', program)).toBe('1\nERR_KWTA_CONFIG\n');
  });
});
