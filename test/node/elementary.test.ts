/** Elementary functions beside those of the engine, which are good to about 1e-15. */
import { describe, expect, it } from 'vitest';
import { artanh, cosineFall, exponential, tanh } from '../../dist/base/elementary.js';

const between = (from: number, to: number): number[] =>
  Array.from({ length: 2001 }, (_, i) => from + ((to - from) * i) / 2000);

describe('elementary functions', () => {
  it('have an exponential', () => {
    for (const x of between(-20, 20)) expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(1e-14);
    for (const x of between(-700, 700)) expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(2e-13);
    expect([exponential(0), exponential(-1e9), exponential(1e9)]).toEqual([1, 0, Number.POSITIVE_INFINITY]);
  });

  it('have a hyperbolic tangent and its inverse', () => {
    for (const x of between(-20, 20)) expect(Math.abs(tanh(x) - Math.tanh(x))).toBeLessThan(1e-15);
    expect([tanh(0), tanh(1e9), tanh(-1e9)]).toEqual([0, 1, -1]);
    for (const y of between(-0.999999, 0.999999)) expect(Math.abs(tanh(artanh(y)) - y)).toBeLessThan(1e-15);
  });

  it('have a fall along a cosine', () => {
    expect([0, 25, 50, 75, 100].map((done) => cosineFall(done, 100))).toEqual([
      1, 0.853553390593, 0.5, 0.146446609407, 0,
    ]);
  });
});
