/** `kwta attack` as a user runs it: what it finds is what the package finds, and what is wrong is named. */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attacks, createRuntime, datasets } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kwtaIn, writeIdx, writeToys } from './command.js';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-attack-'));
  await writeToys(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kwta = (...args: string[]) => kwtaIn(folder, args);
const on = (...args: string[]) => kwta('attack', '--model', 'relu.safetensors', '--data', 'data', ...args);
const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

describe('attack', () => {
  it('finds what model.attack finds, prints it and writes it', async () => {
    const ended = await on(
      ...['--attack', 'pgd', '--set', 'steps=5', '--set', 'stepSize=8/255', '--set', 'loss=margin'],
      ...['--epsilons', '8/255,0.1', '--samples', '40', '--seed', '3', '--deterministic', '--json', 'pgd.json'],
    );
    expect(ended.code, ended.stderr).toBe(0);
    const json = read('pgd.json');
    const images = path.join(folder, 'data/t10k-images-idx3-ubyte.gz');
    const labels = path.join(folder, 'data/t10k-labels-idx1-ubyte');
    const test = (await datasets.idx({ images, labels })).take(40);
    await using runtime = await createRuntime({ threads: 1, deterministic: true });
    const model = await runtime.load(path.join(folder, 'relu.safetensors'));
    const spec = attacks.pgd({ steps: 5, stepSize: 8 / 255, loss: 'margin' });
    const expected = await model.attack(spec, {
      x: test.tensor(),
      labels: test.labels,
      epsilons: [8 / 255, 0.1],
      seed: 3,
    });
    expect(json.attack).toEqual(spec);
    expect(json.clean.accuracy).toBeGreaterThan(0.5);
    for (const [e, result] of json.results.entries()) {
      expect(result.success).toEqual(expected.success[e]);
      expect(result.predictions).toEqual(Array.from(expected.predictions[e]));
      expect(result.distances).toEqual(Array.from(expected.distances[e]));
      expect(result.queries).toEqual(expected.queriesByEpsilon[e]);
      expect(ended.stdout).toContain(`${(100 * result.accuracy).toFixed(1)} %`);
    }
    expect(ended.stderr).toContain('data test: 40 images');
    expect(ended.stderr).not.toContain('\u001b');
  });

  it('of minimum norm goes without radii', async () => {
    const ended = await on('--attack', 'deepFool', '--samples', '20', '--json', 'deepFool.json');
    expect(ended.code, ended.stderr).toBe(0);
    const [result, ...more] = read('deepFool.json').results;
    expect(more).toEqual([]);
    expect(result.epsilon).toBeNull();
    expect(result.medianDistance).toBeGreaterThan(0);
    expect(ended.stdout).toMatch(/deepFool │ any │/);
  });

  it('by transfer takes the other model from a file', async () => {
    const args = ['--attack', 'transfer', '--source', 'kwta.safetensors', '--set', 'attack=fgsm', '--epsilons', '0.2'];
    const ended = await on(...args, '--samples', '20', '--json', 'transfer.json');
    expect(ended.code, ended.stderr).toBe(0);
    const { attack, results } = read('transfer.json');
    expect(attack).toEqual({ type: 'transfer', source: 'kwta.safetensors', attack: attacks.fgsm() });
    expect(results[0].queries).toEqual({ forward: 0, backward: 0 });
  });

  it('lists every attack with its options in its help', async () => {
    const { code, stdout } = await kwta('attack', '--help');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ +pgd +norm=linf\|l2\|l1\|l0 +steps=40 +stepSize=<number> +restarts=1 /m);
    const schema = JSON.parse(readFileSync(new URL('../../dist/schema/attack.json', import.meta.url), 'utf8'));
    for (const { properties } of schema.oneOf) expect(stdout).toContain(`\n  ${properties.type.const} `);
  });

  it('ends cleanly when it is interrupted', async () => {
    let sent = false;
    const args = ['--model', 'relu.safetensors', '--data', 'data', '--epsilons', '0.01', '--json', 'never.json'];
    const slow = ['--attack', 'estimatedGradient', '--set', 'steps=5000', '--set', 'samples=2000', '--samples', '60'];
    const ended = await kwtaIn(folder, ['attack', ...args, ...slow], (stderr, child) => {
      if (sent || !stderr.includes('kernels')) return;
      sent = true;
      setTimeout(() => child.kill('SIGINT'), 300);
    });
    expect(ended).toMatchObject({ code: 130, stdout: '' });
    expect(ended.stderr).toContain('stopping');
    expect(readdirSync(folder)).not.toContain('never.json');
  });
});

describe('what is wrong is named, in one line, code 2:', () => {
  it.each([
    [
      ['--attack', 'none', '--epsilons', '0.1'],
      "option '--attack <name>' argument 'none' is invalid. Allowed choices are",
    ],
    [['--attack', 'pgd'], '--epsilons <radii>: pgd looks inside a ball and needs its radius'],
    [['--attack', 'pgd', '--epsilons', '0.1,'], 'expected numbers >= 0 with commas between them'],
    [
      ['--attack', 'pgd', '--set', 'norm=l0', '--epsilons', '3,0.1'],
      '--epsilons: expected a whole number of values in l0 >= 0, got 0.1',
    ],
    [['--attack', 'pgd', '--epsilons', '1/0'], 'expected numbers >= 0 with commas between them'],
    [['--attack', 'pgd', '--epsilons', '0.1,0.1'], 'expected each radius once'],
    [['--attack', 'pgd', '--epsilons', '0.1', '--set', 'steps=0'], '--set steps: expected a whole number >= 1, got 0'],
    [
      ['--attack', 'pgd', '--epsilons', '0.1', '--set', 'step=1'],
      "--set: unknown option 'step' (did you mean 'steps'?); known are norm, steps",
    ],
    [['--attack', 'pgd', '--epsilons', '0.1', '--set', 'steps'], 'expected option=value, such as steps=20.'],
    [['--attack', 'pgd', '--epsilons', '0.1', '--source', 'kwta.safetensors'], '--source: pgd uses no other model'],
    [['--attack', 'transfer', '--epsilons', '0.1'], '--source <file>: transfer needs the model'],
    [
      ['--attack', 'fgsm', '--epsilons', '0.1', '--samples', '61'],
      '--samples: expected at most 60 (data test), got 61',
    ],
    [['--attack', 'fgsm', '--epsilons', '0.1', '--split', 'train'], '--data: expected train-images-idx3-ubyte and'],
    [['--attack', 'fgsm', '--epsilons', '0.1', '--max-queries', '0'], 'expected a whole number >= 1.'],
    [['--attack', 'fgsm', '--epsilons', '0.1', '--json', 'no/such.json'], 'there is no folder'],
  ])('%j', async (args, message) => {
    const ended = await on(...args);
    expect(ended.stderr).toContain(message);
    expect(ended.stderr).toMatch(/^kwta: .+\n$/);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });

  it.each([
    [['--model', 'none.safetensors', '--data', 'data'], '--model: there is no file none.safetensors'],
    [['--model', 'broken.safetensors', '--data', 'data'], '--model: broken.safetensors: expected a safetensors file'],
    [['--model', 'relu.safetensors', '--data', 'none'], '--data: expected a folder, got none'],
    [['--model', 'relu.safetensors', '--data', 'empty'], 'in empty or one folder inside it, found none'],
    [['--model', 'relu.safetensors', '--data', 'two'], 'found two/a/t10k-images-idx3-ubyte.gz and two/b/t10k-'],
    [['--model', 'relu.safetensors', '--data', 'cut'], 'the file is truncated'],
    [
      ['--model', 'relu.safetensors', '--data', 'small'],
      '--model: expected a model of images of 1 x 8 x 8 (small test)',
    ],
    [['--data', 'data'], "required option '--model <file>' not specified"],
  ])('%j', async (args, message) => {
    const toy = datasets.synthetic({ count: 4, seed: 1 });
    mkdirSync(path.join(folder, 'empty'), { recursive: true });
    writeFileSync(path.join(folder, 'broken.safetensors'), 'no model');
    for (const name of ['a', 'b']) writeIdx(path.join(folder, 'two', name), toy);
    writeIdx(path.join(folder, 'cut'), toy);
    copyFileSync(path.join(folder, 'data/t10k-labels-idx1-ubyte'), path.join(folder, 'cut/t10k-labels-idx1-ubyte'));
    const labels = readFileSync(path.join(folder, 'cut/t10k-labels-idx1-ubyte'));
    writeFileSync(path.join(folder, 'cut/t10k-labels-idx1-ubyte'), labels.subarray(0, 20));
    const images = { shape: [2, 1, 8, 8], data: new Float32Array(128) };
    writeIdx(path.join(folder, 'small'), datasets.fromTensors({ images, labels: Int32Array.of(0, 1), classes: 2 }));
    const ended = await kwta('attack', ...args, '--attack', 'fgsm', '--epsilons', '0.1');
    expect(ended.stderr).toContain(message);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
  });
});
