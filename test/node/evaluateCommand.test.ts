/** `kwta evaluate` and `kwta verify` as a user runs them: the report is the package's, and what is forged is named. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type AttackBenchRun,
  type ComparisonReport,
  createRuntime,
  datasets,
  evaluateRobustness,
  type RobustnessReport,
} from 'kwta';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ended, kwtaIn, writeToys } from './command.js';
import { conforms } from './jsonSchema.js';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-evaluate-'));
  await writeToys(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kwta = (...args: string[]) => kwtaIn(folder, args);
const at = (name: string) => path.join(folder, name);
const read = (name: string) => JSON.parse(readFileSync(at(name), 'utf8'));
const one = ['--model', 'kwta.safetensors', '--data', 'data'];
const both = ['--model', 'a=relu.safetensors', ...one];
const quick = ['--epsilons', '0.05', '--preset', 'quick', '--deterministic'];

/** All that a second run finds again. */
function lasting<Report extends RobustnessReport | ComparisonReport>(report: Report): unknown {
  return JSON.parse(JSON.stringify(report, (key, value) => (['seconds', 'date', 'threads'].includes(key) ? 0 : value)));
}

describe('evaluate', () => {
  let ended: Ended;
  let report: ComparisonReport;
  let page: string;

  beforeAll(async () => {
    const outputs = ['--json', 'both.json', '--html', 'both.html', '--adversarials', 'both.safetensors'];
    outputs.push('--attackbench', 'runs.json');
    ended = await kwta('evaluate', ...both, ...quick, '--samples', '40', '--seed', '4', '--transfer', ...outputs);
    report = read('both.json');
    page = readFileSync(at('both.html'), 'utf8');
  });

  it('writes the report that evaluateRobustness gives', async () => {
    expect(ended.code, ended.stderr).toBe(0);
    await using runtime = await createRuntime({ threads: 1, deterministic: true });
    const images = at('data/t10k-images-idx3-ubyte.gz');
    const data = await datasets.idx({ images, labels: at('data/t10k-labels-idx1-ubyte'), name: 'data test' });
    const models = [
      { name: 'a', model: await runtime.load(at('relu.safetensors')) },
      { name: 'kwta', model: await runtime.load(at('kwta.safetensors')) },
    ];
    const again = await evaluateRobustness(models, data.take(40), { epsilons: [0.05], attacks: 'quick', seed: 4 });
    const { adversarials, ...rest } = report;
    expect(adversarials).toMatch(/^[0-9a-f]{64}$/);
    expect(lasting(rest)).toEqual(lasting(again));
    const schema = JSON.parse(readFileSync(new URL('../../dist/schema/comparison.json', import.meta.url), 'utf8'));
    expect(conforms(schema, report)).toBe(true);
    expect(conforms(schema, { ...report, epsilons: 0.05 })).toBe(false);
  });

  it('prints findings on top, then every figure, what transfers and how the models compare', () => {
    const { stdout } = ended;
    const finding = report.models.flatMap(({ findings }) => findings).find(({ code }) => code === 'upper-bound');
    const marks = [finding?.message ?? 'none', '┌', 'made on ↓, tried on →', 'Worst case over all attacks at ε = 0.05'];
    const places = marks.map((mark) => stdout.indexOf(mark));
    expect(Math.min(...places)).toBeGreaterThan(0);
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    for (const { attacks, worstCase } of report.models) {
      for (const { name, accuracy } of [...attacks, { name: 'worst case', ...worstCase[0.05] }]) {
        expect(stdout).toMatch(new RegExp(`${name} +│ 0.05 │ +${(100 * accuracy).toFixed(1)} %`));
      }
    }
    expect(stdout).toContain('data test, 40 images, preset quick, seed 4');
    expect(stdout + ended.stderr).not.toContain('\u001b');
  });

  it('shows how near each attack comes, and writes it in the form of AttackBench', () => {
    expect(ended.stdout).toContain('closest adversarials');
    const runs: AttackBenchRun[] = read('runs.json');
    expect(runs.map(({ config }) => [config.model.name, config.attack.name])).toEqual(
      report.models.flatMap(({ name, attacks }) => attacks.map((attack) => [name, attack.name])),
    );
    for (const { name, envelope } of report.models) {
      for (const { name: attack, optimality, distances } of envelope.attacks) {
        if (optimality !== null)
          expect(ended.stdout).toMatch(new RegExp(`${attack} +│.*│ +${optimality.toFixed(3)} │`));
        const run = runs.find(({ config }) => config.model.name === name && config.attack.name === attack);
        if (run !== undefined) expect(run.info.adv_success).toEqual(distances.map((distance) => distance !== null));
      }
    }
  });

  it('writes a page that loads nothing, with curves, transfer, examples and where it comes from', () => {
    expect(page).not.toMatch(/(src|href)="(?!data:|#)/);
    for (const title of [
      'Findings',
      'Closest adversarials',
      'Security curves',
      'What transfers',
      'Examples',
      'The run',
    ]) {
      expect(page).toContain(`<h2>${title}</h2>`);
    }
    for (const { weights } of report.models) expect(page).toContain(weights);
    expect(page.match(/<img /g)?.length).toBeGreaterThanOrEqual(6);
  });

  it('goes on where it was interrupted, to the same report', async () => {
    const slow = [...quick, '--samples', '30'];
    const args = ['evaluate', ...one, ...slow, '--json', 'resumed.json', '--resume', 'journal'];
    let sent = false;
    const first = await kwtaIn(folder, args, (stderr, child) => {
      if (sent || !stderr.includes('pgd:')) return;
      sent = true;
      child.kill('SIGINT');
    });
    expect(first).toMatchObject({ code: 130, stdout: '' });
    expect(first.stderr).toContain('stopping; the same command goes on from here');
    expect(existsSync(at('resumed.json'))).toBe(false);
    const units = readFileSync(at('journal'), 'utf8').split('\n').length;
    const second = await kwta(...args);
    expect(second.code, second.stderr).toBe(0);
    expect(readFileSync(at('journal'), 'utf8').split('\n').length).toBeGreaterThan(units);
    const whole = await kwta('evaluate', ...one, ...slow, '--json', 'whole.json');
    expect(whole.code, whole.stderr).toBe(0);
    expect(lasting(read('resumed.json'))).toEqual(lasting(read('whole.json')));
    const other = await kwta('evaluate', ...one, ...slow, '--seed', '1', '--resume', 'journal');
    expect(other).toMatchObject({ code: 2, stdout: '' });
    expect(other.stderr).toMatch(
      /^kwta: --resume: journal is the journal of another evaluation: expected seed 1, got 0\n/m,
    );
  });

  it('counts values in l0, on the page too', async () => {
    const args = ['--epsilons', '2', '--norm', 'l0', '--preset', 'quick', '--samples', '20', '--html', 'l0.html'];
    const { code, stdout, stderr } = await kwta('evaluate', ...one, ...args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/saltPepper +│ +2 │/);
    const drawn = readFileSync(at('l0.html'), 'utf8');
    expect(drawn).toContain('At most ε values of an image change');
    expect(drawn).toContain('>ε, values that differ</text>');
    expect(drawn).toContain('ε = 2 (l0)');
    expect(page).toContain('>ε</text>');
  });

  it.each([
    [[...one], "required option '--epsilons <radii>' not specified"],
    [[...one, '--epsilons', '0.1', '--preset', 'best'], 'Allowed choices are quick, standard, adaptive, paper.'],
    [[...one, '--epsilons', '0.1', '--norm', 'l3'], 'Allowed choices are linf, l2, l1, l0.'],
    [
      [...one, '--epsilons', '8/255', '--norm', 'l0'],
      '--epsilons: expected a whole number of values in l0 >= 0, got 0.03',
    ],
    [
      [...one, '--epsilons', '3', '--norm', 'l0', '--preset', 'paper'],
      "--norm: with the attacks 'paper': expected 'linf'",
    ],
    [[...one, ...one, '--epsilons', '0.1'], 'there are two models named kwta: write name=FILE.'],
    [[...one, '--epsilons', '0.1', '--transfer'], '--transfer: expected two models or more, got one'],
    [[...one, '--epsilons', '0.1', '--resume', 'relu.safetensors'], '--resume: relu.safetensors: expected the journal'],
    [[...one, '--epsilons', '0.1', '--adversarials', 'no/such'], 'there is no folder'],
  ])('%j: one line, code 2', async (args, message) => {
    const wrong = await kwta('evaluate', ...args);
    expect(wrong.stderr).toContain(message);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('verify', () => {
  const verify = (file: string, ...args: string[]) => kwta('verify', file, '--data', 'data', ...args);
  let report: RobustnessReport;

  beforeAll(async () => {
    const outputs = ['--json', 'one.json', '--adversarials', 'one.safetensors'];
    const ended = await kwta('evaluate', ...one, ...quick, '--samples', '20', ...outputs);
    expect(ended.code, ended.stderr).toBe(0);
    report = read('one.json');
  });

  it('finds everything again: code 0', async () => {
    const ended = await verify('one.json', '--model', 'kwta.safetensors', '--adversarials', 'one.safetensors');
    expect(ended.stdout).toBe('one.json holds: everything in it was found again.\n');
    expect(ended.code).toBe(0);
  });

  it('names what was forged: code 1', async () => {
    const forged = structuredClone(report);
    forged.attacks[1].predictions[3] = (forged.attacks[1].predictions[3] + 1) % 10;
    forged.worstCase[0.05].correct++;
    writeFileSync(at('forged.json'), JSON.stringify(forged));
    const bytes = readFileSync(at('one.safetensors'));
    bytes[bytes.length - 1] ^= 1;
    writeFileSync(at('forged.safetensors'), bytes);
    const ended = await verify('forged.json', '--model', 'kwta.safetensors', '--adversarials', 'forged.safetensors');
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^forged.json does not hold:\n/);
    for (const place of ['attacks[1].predictions[3]', 'worstCase.0.05.correct', 'adversarials']) {
      expect(ended.stdout).toMatch(new RegExp(`^ {2}.*${place.replace(/[[\].]/g, '.')}.*: expected `, 'm'));
    }
  });

  it('names a model that is another', async () => {
    const ended = await verify('one.json', '--model', 'relu.safetensors', '--adversarials', 'one.safetensors');
    expect(ended.code).toBe(1);
    expect(ended.stdout).toMatch(/^ {2}weights: expected /m);
  });

  it('does not take anything else for a report', async () => {
    for (const text of ['{', '[]', '{"schema":1}', 'null']) {
      writeFileSync(at('none.json'), text);
      const ended = await verify('none.json', '--model', 'kwta.safetensors');
      expect(ended).toMatchObject({ code: 1 });
      expect(ended.stdout).toMatch(/^none.json does not hold:\n {2}.*expected/);
    }
  });

  it.each([
    [['one.json', '--data', 'data'], "required option '--model <[name=]file>' not specified"],
    [['no.json', ...one], '<report>: there is no file no.json that can be read'],
    [[...one], "missing required argument 'report'"],
    [['one.json', ...both], '--model: expected the one model of the report, got 2'],
  ])('%j: one line, code 2', async (args, message) => {
    const wrong = await kwta('verify', ...args);
    expect(wrong.stderr).toContain(message);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
  });
});

it.each(['analyse', 'attack', 'evaluate', 'verify'])('%s explains itself', async (name) => {
  const { code, stdout, stderr } = await kwta(name, '--help');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(new RegExp(`^Usage: kwta ${name} \\[options\\]`));
  for (const option of ['--model', '--data', '--split']) expect(stdout).toContain(option);
});
