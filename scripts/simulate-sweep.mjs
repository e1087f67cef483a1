// npm run simulate-sweep [-- jobs [workers [seed]]]: a sweep of 10,000 jobs on 64 workers when not told otherwise, by a fake clock.
import { build } from './build.mjs';
import { counts, Failure, main, note, stage } from './lib/steps.mjs';

await main(async () => {
  const [jobs, workers, seed] = counts('simulate-sweep', [10_000, 64, 1]);
  await build();
  // After the build: it reads dist/.
  const { simulate, usualScene } = await import('./lib/sweepSimulation.mjs');
  await stage(`${jobs} jobs on ${workers} workers`, async () => {
    const found = await simulate({ ...usualScene, jobs, workers, seed });
    const hours = (/** @type {number} */ seconds) => `${(seconds / 3600).toFixed(1)} h`;
    note(`${found.complete} done, ${found.failed} failed of ${found.hopeless} that cannot be done`);
    note(
      `${hours(found.makespan)} instead of ${hours(found.ideal)}; ${(found.complete / (found.makespan / 3600)).toFixed(0)} jobs an hour`,
    );
    note(
      `${found.deaths} deaths, ${found.takenOver} jobs taken over; done again ${hours(found.redone)}, for nothing ${hours(found.lost)}`,
    );
    note(
      `journal: ${found.lines} lines, ${(found.bytes / 1e6).toFixed(1)} MB, ${found.appends} appends, ${found.claims} claims`,
    );
    note(`${((1000 * found.seconds) / found.claims).toFixed(2)} ms of computing for each claim`);
    if (found.over !== jobs || found.failed !== found.hopeless) throw new Failure('not every job came to its end');
  });
});
