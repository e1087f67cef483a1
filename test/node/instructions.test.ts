// The rules of the instruction counts: what fails, what is only said, and whom a baseline holds for.
import { describe, expect, test } from 'vitest';
import { compare, compilerName, fails, readCallgrind, updated } from '../../scripts/lib/instructions.mjs';

const before = { select: 1_000_000, conv: 200_000 };

/** Names of the cases that fail. */
function failing(counts: Record<string, number>): string[] {
  return compare(before, counts)
    .filter(fails)
    .map(({ name }) => name);
}

describe('compare', () => {
  test('accepts 2 % more, and 3 % exactly', () => {
    expect(failing({ select: 1_020_000, conv: 206_000 })).toEqual([]);
  });

  test('fails on 4 % more, and names the case with both counts', () => {
    expect(failing({ select: 1_040_000, conv: 200_000 })).toEqual(['select']);
    expect(compare(before, { select: 1_040_000, conv: 200_000 })[0]).toEqual({
      name: 'select',
      before: 1_000_000,
      now: 1_040_000,
      verdict: 'more',
    });
  });

  test('a gain elsewhere does not make up for it', () => {
    expect(failing({ select: 500_000, conv: 208_000 })).toEqual(['conv']);
  });

  test('says that a case has fewer, without failing', () => {
    const cases = compare(before, { select: 960_000, conv: 198_000 });
    expect(cases.map(({ verdict }) => verdict)).toEqual(['fewer', 'same']);
    expect(cases.some(fails)).toBe(false);
  });

  test('fails on a case that is gone and on one without a baseline', () => {
    const cases = compare(before, { conv: 200_000, matmul: 5 });
    expect(cases.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['conv', 'same'],
      ['matmul', 'new'],
      ['select', 'gone'],
    ]);
    expect(failing({ conv: 200_000, matmul: 5 })).toEqual(['matmul', 'select']);
  });
});

describe('updated', () => {
  const baseline = { compilers: ['rustc 1.95', 'rustc 1.96'], counts: before };

  test('by one of its compilers holds for all of them', () => {
    const counts = { select: 700_000, conv: 300_000 };
    expect(updated(baseline, 'rustc 1.96', counts)).toEqual({ compilers: baseline.compilers, counts });
  });

  test('by another one with the same code adds it', () => {
    const counts = { select: 1_000_100, conv: 199_900 };
    const compilers = ['rustc 1.95', 'rustc 1.96', 'rustc 1.97'];
    expect(updated(baseline, 'rustc 1.97', counts)).toEqual({ compilers, counts });
  });

  test.each([
    ['with other code', { select: 1_000_000, conv: 202_000 }],
    ['with a case more', { ...before, matmul: 1 }],
    ['with a case less', { select: 1_000_000 }],
  ])('by another one %s begins anew', (_, counts) => {
    expect(updated(baseline, 'rustc 1.97', counts)).toEqual({ compilers: ['rustc 1.97'], counts });
  });
});

test('compilerName leaves out what does not change code', () => {
  const version = (release: string) =>
    `rustc ${release} (59807616e 2026-04-14)\nhost: x86_64-unknown-linux-gnu\nrelease: ${release}\nLLVM version: 22.1.2\n`;
  expect(compilerName(version('1.95.1'))).toBe('rustc 1.95, LLVM 22.1, x86_64-unknown-linux-gnu');
  expect(compilerName(version('1.97.0-nightly'))).toBe('rustc 1.97-nightly, LLVM 22.1, x86_64-unknown-linux-gnu');
});

test('readCallgrind takes the own lines of the program in each dump', () => {
  const dump = (part: number, trigger: string, cost: number) =>
    [
      `part: ${part}`,
      `desc: Trigger: ${trigger}`,
      'events: Ir',
      'ob=/build/program',
      'fn=kernel',
      `0 ${cost}`,
      'cob=/lib/libc.so.6',
      'cfn=memset',
      'calls=1 0',
      '0 90000',
      '0 7',
      'ob=/lib/libc.so.6',
      'fn=memset',
      '12 90000',
      `totals: ${cost + 90_007}`,
    ].join('\n');
  const after = '--dump-after=kwta_counted';
  const text = `# callgrind format\n${dump(1, after, 100)}\n${dump(2, after, 200)}\n${dump(3, 'Program termination', 0)}\n`;
  expect(readCallgrind(text, '/build/program')).toEqual([107, 207]);
});
