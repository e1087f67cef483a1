// npm run corrupt [-- count [seed]]: reads corrupted files, 10,000 when not told otherwise, and lists those that were not
// handled as lib/corruption.mjs says.
import { build } from './build.mjs';
import { Failure, main, note, stage } from './lib/steps.mjs';

await main(async () => {
  const [count = 10_000, seed = 1] = process.argv.slice(2).map(Number);
  if (![count, seed].every((value) => Number.isSafeInteger(value) && value >= 0)) {
    throw new Failure('expected whole numbers: npm run corrupt [-- count [seed]]');
  }
  await build();
  // After the build: it reads dist/.
  const { readCorrupted } = await import('./lib/corruption.mjs');
  await stage(`Read ${count} corrupted files`, async () => {
    const onDone = (/** @type {number} */ done) => done % 1000 === 0 && note(`${done} of ${count}`);
    const { refused, read, problems } = await readCorrupted({ count, seed, onDone });
    for (const problem of problems) console.error(problem);
    note(`${refused} refused, ${read} read as they are, ${problems.length} handled wrongly`);
    if (problems.length > 0) throw new Failure(`${problems.length} corrupted files were handled wrongly`);
  });
});
