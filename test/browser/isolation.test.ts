// The two kinds of page are what their names say.
import { expect, inject, test } from 'vitest';

test('the page is cross-origin isolated exactly when its headers say so', () => {
  expect(crossOriginIsolated).toBe(inject('isolated'));
  expect(typeof SharedArrayBuffer === 'function').toBe(inject('isolated'));
});
