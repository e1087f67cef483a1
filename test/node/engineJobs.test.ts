/** Jobs inside an engine whose memory cannot be trusted any more; nothing outside can bring that about at will. */
import { ConfigError, WorkerLostError } from 'kwta';
import { expect, it } from 'vitest';
import { Jobs } from '../../dist/engine/jobs.js';
import { caught, expectError } from '../contract/support.js';

const handle = (id: number) => ({ id, port: new MessageChannel().port1 });
const claim = { name: 'fit', models: ['a'], alone: true };

it('all end without another step, and give nothing back', async () => {
  const jobs = new Jobs();
  const steps: string[] = [];
  const work = function* () {
    try {
      for (;;) yield steps.push('step');
    } finally {
      steps.push('given back');
    }
  };
  const running = jobs.run(handle(1), claim, work, (value) => value);
  const ended = caught(running);
  await expectError(
    jobs.run(handle(2), claim, work, (value) => value),
    ConfigError,
    'fit: expected',
    'fit is running',
  );
  const failure = new WorkerLostError('the engine failed');
  jobs.fail(failure);
  const before = steps.length;
  expect(await ended).toBe(failure);
  expect(steps.length).toBe(before);
});

it('a report that fails ends the job, which gives back what it holds', async () => {
  const jobs = new Jobs();
  let held = false;
  const work = function* () {
    held = true;
    try {
      for (;;) yield 1;
    } finally {
      held = false;
    }
  };
  const failure = new RangeError('mine');
  const report = () => {
    throw failure;
  };
  expect(await caught(jobs.run(handle(1), claim, work, report))).toBe(failure);
  expect(held).toBe(false);
  expect(await jobs.whenFree(['a'], 'dispose', () => 'free')).toBe('free');
});
