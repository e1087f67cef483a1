// npm run sweeps [-- jobs [seed]]: sweeps of short jobs, 1,000 when not told otherwise, whose workers are killed at random, by the
// journal alone and over Redis and PostgreSQL where they are installed; and says which results are not those of a serial run.
import { build } from './build.mjs';
import { counts, Failure, main, note, stage } from './lib/steps.mjs';

await main(async () => {
  const [jobs, seed] = counts('sweeps', [1000, 1]);
  await build();
  // After the build: they read dist/.
  const { killWorkers } = await import('./lib/sweepKilling.mjs');
  const { servers } = await import('./lib/servers.mjs');
  for (const [name, start] of [/** @type {const} */ (['journal', undefined]), ...Object.entries(servers)]) {
    if (name !== 'journal' && start === undefined) {
      note(`${name}: skipped, for it is not installed`);
      continue;
    }
    await stage(`${jobs} short jobs, ${name}`, async () => {
      const server = await start?.();
      try {
        const { kills, resumed, seconds, bytes, problems } = await killWorkers({
          jobs,
          workers: 2,
          seed,
          queue: server?.url,
        });
        for (const problem of problems) console.error(problem);
        note(
          `${kills} workers killed, ${resumed} jobs taken up from a checkpoint, ${seconds.toFixed(0)} s, journal of ${bytes} bytes`,
        );
        if (problems.length > 0) throw new Failure(`${problems.length} jobs have not the result of a serial run`);
      } finally {
        await server?.stop();
      }
    });
  }
});
