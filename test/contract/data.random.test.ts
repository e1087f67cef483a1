/** The random numbers: known answers, so that every platform and the kernels draw the same. */
import { ConfigError } from 'kwta';
import { describe, expect, it } from 'vitest';
// Streams have no public face: users only see what was drawn from them.
import { logarithm, philox4x32, Random } from '../../dist/base/random.js';

function block(counter: number[], key: number[]): number[] {
  const words = Uint32Array.from(counter);
  philox4x32(words, key[0], key[1]);
  return Array.from(words);
}

const draw = (n: number, next: () => number): number[] => Array.from({ length: n }, next);

describe('Random', () => {
  it('gives the known answers of Philox4x32-10', () => {
    const ones = 0xffffffff;
    expect(block([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
    expect(block([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
    expect(block([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
      0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
    ]);
  });

  it('puts seed and stream where the kernels do', () => {
    const random = new Random(2 ** 32 + 2, 3 * 2 ** 32 + 4);
    const expected = [...block([0, 0, 4, 3], [2, 1]), ...block([1, 0, 4, 3], [2, 1])];
    expect(draw(8, () => random.uint32())).toEqual(expected);
    const again = new Random(2 ** 32 + 2, 3 * 2 ** 32 + 4);
    expect(draw(8, () => again.uniform())).toEqual(expected.map((word) => (word >>> 8) / 2 ** 24));
  });

  it('draws integers evenly and refuses ranges it cannot draw from', () => {
    const random = new Random(1, 0);
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.integer(7)]++;
    // Six standard deviations of a binomial count.
    for (const count of counts)
      expect(Math.abs(count - 10_000)).toBeLessThan(6 * Math.sqrt(70_000 * (1 / 7) * (6 / 7)));
    expect(draw(5, () => random.integer(1))).toEqual([0, 0, 0, 0, 0]);
    for (const below of [0, -1, 1.5, 2 ** 32 + 1]) expect(() => random.integer(below)).toThrow(ConfigError);
  });

  it('draws normal values with the right moments and tails', () => {
    const random = new Random(5, 9);
    const values = draw(100_000, () => random.normal());
    const moment = (power: number): number => values.reduce((sum, x) => sum + x ** power, 0) / values.length;
    expect(moment(1)).toBeCloseTo(0, 1.9);
    expect(moment(2)).toBeCloseTo(1, 1.6);
    expect(moment(3)).toBeCloseTo(0, 1.2);
    expect(moment(4)).toBeCloseTo(3, 0.9);
    expect(values.filter((x) => Math.abs(x) > 1.959964).length / values.length).toBeCloseTo(0.05, 2.3);
    expect(Math.max(...values.map(Math.abs))).toBeGreaterThan(3.9);
  });

  it('permutes: every number once, every place equally likely', () => {
    const random = new Random(0, 0);
    expect(Array.from(random.permutation(0))).toEqual([]);
    expect(Array.from(random.permutation(100)).sort((a, b) => a - b)).toEqual(
      draw(
        100,
        (
          (i) => () =>
            i++
        )(0),
      ),
    );
    const counts = new Map<string, number>();
    for (let i = 0; i < 24_000; i++) {
      const order = random.permutation(4).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(24);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(6 * Math.sqrt(1000));
  });

  it('refuses seeds and streams that are not whole numbers', () => {
    for (const wrong of [-1, 0.5, 2 ** 53, Number.NaN]) {
      expect(() => new Random(wrong, 0)).toThrow(/seed: expected a whole number/);
      expect(() => new Random(0, wrong)).toThrow(/stream: expected a whole number/);
    }
  });
});

describe('logarithm', () => {
  it('agrees with Math.log to the last bits', () => {
    for (const x of [1, 2, 0.5, 1e-300, 1e300, Math.SQRT2, Math.SQRT1_2, 0.999999, 1.000001, 3.7e-11, 12345.678]) {
      const expected = Math.log(x);
      expect(Math.abs(logarithm(x) - expected)).toBeLessThanOrEqual(
        4 * Number.EPSILON * Math.max(Math.abs(expected), 1e-7),
      );
    }
  });
});
