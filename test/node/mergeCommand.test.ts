/** `kwta evaluate --shard` and `kwta merge` as a user runs them: the parts make the report of the single run. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { timeless } from '../contract/support.js';
import { kwtaIn, writeToys } from './command.js';

let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kwta-merge-'));
  await writeToys(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const kwta = (text: string) => kwtaIn(folder, text.split(' '));
const lasting = (name: string) => timeless(JSON.parse(readFileSync(path.join(folder, name), 'utf8')));
const evaluate =
  'evaluate --model kwta.safetensors --data data --samples 30 --epsilons 0.05 --preset quick --deterministic --threads 1';

describe('parts of an evaluation', () => {
  it('are merged to the report of the single run', async () => {
    const whole = await kwta(`${evaluate} --json whole.json`);
    expect(whole.code, whole.stderr).toBe(0);
    for (const shard of ['0/2', '1/2']) {
      const part = await kwta(`${evaluate} --shard ${shard} --json part${shard[0]}.json`);
      expect(part.code, part.stderr).toBe(0);
    }
    const merged = await kwta('merge part1.json part0.json --json merged.json --html merged.html --name kwta');
    expect(merged.code, merged.stderr).toBe(0);
    expect(lasting('merged.json')).toEqual(lasting('whole.json'));
    const verdict = (text: string) => text.split('\n').filter((line) => /worst case|interval/.test(line));
    expect(verdict(merged.stdout)).toEqual(verdict(whole.stdout));
    expect(readFileSync(path.join(folder, 'merged.html'), 'utf8')).toContain('kwta');
    const verified = await kwta('verify merged.json --model kwta.safetensors --data data');
    expect(verified.code, verified.stdout + verified.stderr).toBe(0);
    const missing = await kwta('merge part1.json');
    expect(missing).toMatchObject({
      code: 2,
      stderr: 'kwta: mergeReports: expected 2 parts, got 1: shards 0 are missing\n',
    });
    writeFileSync(path.join(folder, 'wrong.json'), '{"schema":1}');
    const wrong = await kwta('merge part1.json wrong.json');
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/^kwta: wrong\.json\.shard: expected /);
  });

  it.each([
    ['--shard 2/2 --json p.json', '--shard'],
    ['--shard 1 --json p.json', 'expected i/n with i from 0 to n - 1'],
    ['--shard 0/2', '--json: expected a file for the part'],
    ['--shard 0/2 --json p.json --html p.html', '--html: expected none with --shard'],
    ['--shard 0/31 --json p.json', '--shard.count: expected a whole number >= 1 and <= 30'],
  ])('refuses %s', async (options, problem) => {
    const ended = await kwta(`${evaluate} ${options}`);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain(problem);
  });
});
