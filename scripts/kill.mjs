// npm run kill [-- count [seed]]: kills training runs and takes them up again, 500 times when not told otherwise, and says
// which did not end as lib/killing.mjs says.
import { build } from './build.mjs';
import { counts, Failure, main, note, stage } from './lib/steps.mjs';

await main(async () => {
  const [count, seed] = counts('kill', [500, 1]);
  await build();
  // After the build: it reads dist/.
  const { killRuns } = await import('./lib/killing.mjs');
  await stage(`Kill ${count} training runs`, async () => {
    const onDone = (/** @type {number} */ done) => done % 50 === 0 && note(`${done} of ${count}`);
    const { kills, finished, resumed, problems } = await killRuns({ count, seed, onDone });
    for (const problem of problems) console.error(problem);
    note(
      `${kills} killed, ${resumed} taken up again, ${finished} runs at their end to the bit, ${problems.length} not`,
    );
    if (problems.length > 0) throw new Failure(`${problems.length} runs were not taken up as they should be`);
  });
});
