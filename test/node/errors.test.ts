/** Errors as plain data and back, in another realm, and classes that somebody derives from them. */
import { runInNewContext } from 'node:vm';
import { ConfigError, DataError, KwtaError, MemoryError } from 'kwta';
import { expect, it } from 'vitest';
// Between client and worker, where no test can put another realm or a derived class.
import { fromPlainError, toPlainError } from '../../dist/base/errors.js';

const sent = (error: unknown): Error => fromPlainError(structuredClone(toPlainError(error)));

it('keep class, message, stack and causes', () => {
  const first = new RangeError('first');
  const error = new DataError('third', { cause: new MemoryError('second', { cause: first }) });
  const revived = sent(error);
  expect(revived).toBeInstanceOf(DataError);
  expect(revived).toMatchObject({ name: 'DataError', code: 'ERR_KWTA_DATA', message: 'third', stack: error.stack });
  expect(revived.cause).toBeInstanceOf(MemoryError);
  expect((revived.cause as Error).cause).toMatchObject({ name: 'RangeError', message: 'first' });
  expect(sent(new ConfigError('plain'))).not.toHaveProperty('cause');
});

it('may be anything, even their own cause', () => {
  expect(sent('text')).toMatchObject({ name: 'Error', message: 'text' });
  expect(sent(new DataError('text', { cause: 3 }))).toMatchObject({ cause: '3' });
  const ring = new DataError('ring');
  ring.cause = ring;
  expect(sent(ring)).toMatchObject({ message: 'ring', cause: { message: 'ring' } });
});

it('are known by their code in every realm, and by nothing else', () => {
  const foreign: unknown = runInNewContext("Object.assign(new Error('x'), { code: 'ERR_KWTA_DATA' })");
  expect(foreign).toBeInstanceOf(DataError);
  expect(foreign).toBeInstanceOf(KwtaError);
  expect(foreign).not.toBeInstanceOf(ConfigError);
  for (const other of [
    { code: 'ERR_KWTA_DATA' },
    Object.assign(new Error('x'), { code: 'ENOENT' }),
    null,
    'DataError',
  ]) {
    expect(other instanceof KwtaError).toBe(false);
    expect(other instanceof DataError).toBe(false);
  }
  class Mine extends DataError {}
  expect(new Mine('x')).toBeInstanceOf(DataError);
  expect(new Mine('x')).toBeInstanceOf(Mine);
  expect(new DataError('x')).not.toBeInstanceOf(Mine);
});
