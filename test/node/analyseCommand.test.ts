/** `kwta analyse` as a user runs it, and its page on invented names: what it shows is what was found. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { analysis, createRuntime, datasets, tensor } from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Analysis, analysisVerdict, renderAnalysis } from '../../dist/report/analysis.js';
import { type Ended, kwtaIn, writeToys } from './command.js';

let folder: string;
let ended: Ended;
let result: Analysis;
let page: string;

const kwta = (...args: string[]) => kwtaIn(folder, args);
const at = (name: string) => path.join(folder, name);
const both = ['--model', 'ReLU=relu.safetensors', '--model', 'k-WTA=kwta.safetensors', '--data', 'data'];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-analyse-'));
  await writeToys(folder);
  const sizes = ['--samples', '6', '--segments', '2', '--resolution', '9', '--threads', '1', '--deterministic'];
  ended = await kwta('analyse', ...both, ...sizes, '--json', 'found.json', '--html', 'found.html');
  expect(ended.code, ended.stderr).toBe(0);
  result = JSON.parse(readFileSync(at('found.json'), 'utf8'));
  page = readFileSync(at('found.html'), 'utf8');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('kwta analyse', () => {
  it('writes what the package finds', async () => {
    expect(result).toMatchObject({ schema: 1, samples: 6, segments: 2, epsilon: 0.1, seed: 0 });
    expect(result.models.map(({ name }) => name)).toEqual(['ReLU', 'k-WTA']);
    const [relu, winners] = result.models;
    expect(relu.jumps.events.every(({ kind, height }) => kind === 'relu' && height === 0)).toBe(true);
    expect(winners.jumps.events.some(({ height }) => height > 0)).toBe(true);
    await using runtime = await createRuntime({ threads: 1, deterministic: true });
    const images = at('data/t10k-images-idx3-ubyte.gz');
    const data = await datasets.idx({ images, labels: at('data/t10k-labels-idx1-ubyte'), name: 'data test' });
    const x = data.take(3).tensor();
    const size = x.data.length / 3;
    const ends = [0, 1].map((first) => tensor(x.data.slice(first * size, (first + 2) * size), [2, ...data.shape]));
    for (const [i, file] of ['relu.safetensors', 'kwta.safetensors'].entries()) {
      const model = await runtime.load(at(file));
      const { regions, landscape } = result.models[i];
      const again = await analysis.linearRegions(model, { from: ends[0], to: ends[1], maxEvents: 2000 });
      expect({ ...regions, seconds: 0 }).toEqual(JSON.parse(JSON.stringify({ ...again, seconds: 0 })));
      expect(landscape.losses).toHaveLength(9);
      expect(landscape.offsets[8]).toBeCloseTo(0.1, 10);
    }
  });

  it('prints a sentence for each model', () => {
    for (const sentence of analysisVerdict(result)) expect(ended.stdout).toContain(sentence);
    expect(ended.stdout).toContain('data test, 6 images, seed 0');
  });

  it('draws them side by side on a page that needs nothing else', () => {
    expect(page).toBe(renderAnalysis(result));
    expect(page).not.toMatch(/<script|<link|@import|src="(?!data:)/);
    expect(page.match(/<svg /g)).toHaveLength(2 + 2 + 1 + 4 + 2);
    for (const part of [
      'One step of an attack',
      'Linear regions',
      'What changes with the distance',
      'The loss around',
    ]) {
      expect(page).toContain(part);
    }
    const { events } = result.models[1].jumps;
    const drawn = events.filter(({ height }) => height >= 1e-5).length;
    const sticks = [...page.matchAll(/class="sticks model-(\d)" d="([^"]*)"/g)].map(
      ([, , d]) => d.split('M').length - 1,
    );
    expect(sticks).toEqual([0, drawn]);
    // Every figure is a number.
    expect(page).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('draws what stays as it is, too', () => {
    const still = structuredClone(result);
    for (const model of still.models) {
      model.jumps.events = [];
      model.trace.logits.fill(2);
      for (const change of [model.noise, model.adversarial]) for (const { share } of change.layers) share.fill(0);
      model.adversarial.layers = [];
      for (const row of model.landscape.losses) row.fill(0.5);
    }
    const drawn = renderAnalysis(still);
    expect(drawn).not.toMatch(/NaN|Infinity|undefined/);
    expect(drawn).toContain('ReLU never jumps and k-WTA never jumps');
  });

  it('escapes what others have named', () => {
    const named = structuredClone(result);
    named.dataset = '<b>data</b>';
    named.label = '"class"';
    for (const model of named.models) {
      model.name = `<i>${model.name}`;
      for (const layer of [...model.noise.layers, ...model.adversarial.layers]) layer.layer = '<script>';
    }
    expect(renderAnalysis(named)).not.toMatch(/<b>|<i>|<script>|"class"/);
  });

  it('stands in the report of an evaluation, when it is asked for', async () => {
    const evaluate = (...args: string[]) =>
      kwta(
        'evaluate',
        ...both,
        '--samples',
        '6',
        '--epsilons',
        '0,0.1',
        '--preset',
        'quick',
        '--threads',
        '1',
        ...args,
      );
    const done = await evaluate('--inside', '--deterministic', '--html', 'report.html');
    expect(done.code, done.stderr).toBe(0);
    const report = readFileSync(at('report.html'), 'utf8');
    for (const part of ['What each attack leaves', 'One step of an attack', 'The loss around']) {
      expect(report).toContain(part);
    }
    // The same pictures, for the same images, radius and seed.
    const picture = /<path class="sticks model-1" d="[^"]*"/;
    expect(picture.exec(report)?.[0]).toBe(picture.exec(page)?.[0]);
    for (const [args, message] of [
      [['--inside'], '--inside: expected --html'],
      [['--inside', '--html', 'l2.html', '--norm', 'l2'], '--inside: expected the norm linf, got l2'],
    ] as const) {
      expect(await evaluate(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
    }
  });

  it('says what is wrong with its options', async () => {
    const wrong = async (...args: string[]) => {
      const { code, stderr } = await kwta('analyse', ...both, ...args);
      expect(code).toBe(2);
      return stderr;
    };
    expect(await wrong('--epsilon', '0')).toContain('--epsilon: expected one radius above 0');
    expect(await wrong('--epsilon', '0.1,0.2')).toContain('--epsilon');
    expect(await wrong('--samples', '1')).toContain('--samples: expected 2 images or more, got 1');
    expect(await wrong('--resolution', '1')).toContain('expected a whole number >= 2');
    expect(await wrong('--html', 'missing/found.html')).toContain('missing');
  });
});
