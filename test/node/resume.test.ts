/** An evaluation that is killed, again and again, and taken up, gives the report of one that was not. */
import { spawn } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { attacks, ConfigError, DataError, evaluateRobustness, type Model, nn, type RobustnessReport } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { caught, expectError, timeless, useRuntime } from '../contract/support.js';
import { stripes, trainedStripeNet } from '../contract/toys.js';

describe('evaluateRobustness({ resume })', () => {
  const runtime = useRuntime({ threads: 2, deterministic: true });
  const test = stripes(600, 2);
  const list = [
    attacks.pgd({ steps: 5 }),
    attacks.deepFool({ steps: 5 }),
    { name: 'search', attack: attacks.square({ queries: 60 }), scope: 'left' as const },
  ];
  const epsilons = [0.05, 0.1];
  let folder: string;
  let model: Model;
  let path: string;
  let whole: RobustnessReport;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'kwta-resume-'));
    path = join(folder, 'model.safetensors');
    model = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.1 }));
    await model.save(path);
    const adversarials = join(folder, 'whole.safetensors');
    whole = await evaluateRobustness(model, test, { epsilons, attacks: list, adversarials });
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs it in a process of its own, which is killed when its journal has grown by `units` lines, if it ever has. */
  async function run(journal: string, adversarials: string, units: number): Promise<string | undefined> {
    const program = `
      import { createRuntime, datasets, evaluateRobustness } from 'kwta';
      import { readFileSync } from 'node:fs';
      const { labels, pixels, attacks } = JSON.parse(readFileSync(${JSON.stringify(join(folder, 'job.json'))}, 'utf8'));
      const runtime = await createRuntime({ threads: 2, deterministic: true });
      const model = await runtime.load(${JSON.stringify(path)});
      const images = { shape: [labels.length, 1, 8, 8], data: Float32Array.from(pixels) };
      const test = datasets.fromTensors({ images, labels });
      const options = { epsilons: ${JSON.stringify(epsilons)}, attacks, resume: ${JSON.stringify(journal)}, adversarials: ${JSON.stringify(adversarials)} };
      const report = await evaluateRobustness(model, test, options);
      await runtime.dispose();
      process.stdout.write(JSON.stringify(report));
    `;
    const job = { labels: Array.from(test.labels), pixels: Array.from(test.tensor().data), attacks: list };
    await writeFile(join(folder, 'job.json'), JSON.stringify(job));
    const before = await linesOf(journal);
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (text) => {
      output += text;
    });
    const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
    let over = false;
    void ended.then(() => {
      over = true;
    });
    while (!over && (await linesOf(journal)) < before + units) await new Promise((resolve) => setTimeout(resolve, 5));
    if (!over && Number.isFinite(units)) child.kill('SIGKILL');
    return (await ended) === 0 ? output : undefined;
  }

  async function linesOf(journal: string): Promise<number> {
    try {
      return (await readFile(journal, 'utf8')).split('\n').length - 1;
    } catch {
      return 0;
    }
  }

  it('is the same after three kills', async () => {
    const journal = join(folder, 'killed.journal');
    const adversarials = join(folder, 'killed.safetensors');
    for (let kill = 0; kill < 3; kill++) expect(await run(journal, adversarials, 4)).toBeUndefined();
    // A kill may come in the middle of a line.
    await truncate(journal, (await readFile(journal)).length - 20);
    const output = await run(journal, adversarials, Number.POSITIVE_INFINITY);
    const report = JSON.parse(output ?? 'null') as RobustnessReport;
    expect(timeless(report)).toEqual(timeless(whole));
    expect(await readFile(adversarials)).toEqual(await readFile(join(folder, 'whole.safetensors')));

    // All of it is in the journal now, times and date, too.
    const again = await evaluateRobustness(model, test, { epsilons, attacks: list, resume: journal, adversarials });
    expect(JSON.parse(JSON.stringify(again))).toEqual(report);
  });

  it('goes on from a journal that was cut at any byte', async () => {
    const journal = join(folder, 'cut.journal');
    const options = {
      epsilons,
      attacks: [attacks.fgsm()],
      samples: 6,
      resume: journal,
      adversarials: join(folder, 'cut.safetensors'),
    };
    const report = await evaluateRobustness(model, test, options);
    const [bytes, images] = [await readFile(journal), await readFile(options.adversarials)];
    for (let cut = 0; cut < bytes.length; cut += Math.ceil(bytes.length / 40)) {
      await writeFile(journal, bytes.subarray(0, cut));
      expect(timeless(await evaluateRobustness(model, test, options)), `cut at ${cut}`).toEqual(timeless(report));
      expect(await readFile(options.adversarials)).toEqual(images);
      expect((await readFile(journal, 'utf8')).split('\n').length).toBe(bytes.toString().split('\n').length);
    }
  });

  it('refuses the journal of another evaluation, and what is no journal', async () => {
    const journal = join(folder, 'small.journal');
    const small = { epsilons: [0.1], attacks: [attacks.fgsm()], samples: 4, resume: journal };
    await evaluateRobustness(model, test, small);
    const other = await trainedStripeNet(runtime(), nn.kwta({ gamma: 0.2 }));
    const differing: [object, string][] = [
      [{ seed: 1 }, 'seed'],
      [{ samples: 5 }, 'data'],
      [{ epsilons: [0.2] }, 'epsilons'],
      [{ attacks: [attacks.fgsm({ loss: 'margin' })] }, 'attacks'],
      [{ maxQueries: 9 }, 'maxQueries'],
      [{ adversarials: join(folder, 'a') }, 'adversarials'],
    ];
    for (const [change, what] of differing) {
      const call = evaluateRobustness(model, test, { ...small, ...change });
      await expectError(call, ConfigError, 'resume', journal, 'another evaluation', what);
    }
    await expectError(evaluateRobustness(other, test, small), ConfigError, 'resume', 'weights');

    const wrong = join(folder, 'wrong');
    for (const text of ['{}\n', 'no json\n', '[1]\n{"unit":1}\n']) {
      await writeFile(wrong, text);
      await expectError(evaluateRobustness(model, test, { ...small, resume: wrong }), DataError, 'resume', wrong);
    }
    await copyFile(journal, wrong);
    await writeFile(wrong, `${await readFile(journal, 'utf8')}{"unit":3}\n`);
    await expectError(evaluateRobustness(model, test, { ...small, resume: wrong }), DataError, 'line');
    const call = evaluateRobustness(model, test, { ...small, resume: join(folder, 'no', 'journal') });
    await expectError(call, ConfigError, 'resume', 'there is no folder');
  });

  it('refuses a journal of which a single digit has changed', async () => {
    const journal = join(folder, 'flipped.journal');
    const small = { epsilons: [0.1], attacks: [attacks.fgsm()], samples: 4, resume: journal };
    await evaluateRobustness(model, test, small);
    const lines = (await readFile(journal, 'utf8')).split('\n');
    for (const [i, line] of lines.slice(0, -1).entries()) {
      // A figure stays one, so that the line is still JSON of the right form.
      const changed = line.replace(/\d(?=[^\d"]*$)/, (digit) => String((Number(digit) + 1) % 10));
      expect(changed).not.toBe(line);
      await writeFile(journal, lines.with(i, changed).join('\n'));
      await expectError(evaluateRobustness(model, test, small), DataError, 'resume', `line ${i + 1}`);
    }
  });

  it('goes on after an abort at any time, also before the first attack', async () => {
    const journal = join(folder, 'aborted.journal');
    const options = { epsilons: [0.1], attacks: [attacks.pgd({ steps: 5 })], resume: journal };
    for (const early of [true, false]) {
      const controller = new AbortController();
      const { signal } = controller;
      const aborted = evaluateRobustness(model, test, { ...options, signal, onProgress: () => controller.abort() });
      if (early) controller.abort();
      expect(((await caught(aborted)) as Error).name).toBe('AbortError');
    }
    const plain = await evaluateRobustness(model, test, { ...options, resume: undefined });
    expect(timeless(await evaluateRobustness(model, test, options))).toEqual(timeless(plain));
  });
});
