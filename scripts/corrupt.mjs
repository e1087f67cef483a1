// npm run corrupt [-- count [seed]]: reads corrupted files of every kind, as many corrupted checkpoints, and as many corrupted and
// hostile files of PyTorch, 10,000 when not told otherwise, and lists those that were not handled as lib/corruption.mjs says.
import { build } from './build.mjs';
import { counts, Failure, main, note, stage } from './lib/steps.mjs';

await main(async () => {
  const [count, seed] = counts('corrupt', [10_000, 1]);
  await build();
  // After the build: it reads dist/.
  const { KINDS, readCorrupted } = await import('./lib/corruption.mjs');
  for (const kind of KINDS) {
    await stage(`Read ${count} corrupted ${kind}`, async () => {
      const onDone = (/** @type {number} */ done) => done % 1000 === 0 && note(`${done} of ${count}`);
      const { refused, read, problems } = await readCorrupted({ count, seed, kind, onDone });
      for (const problem of problems) console.error(problem);
      note(`${refused} refused, ${read} read as they are, ${problems.length} handled wrongly`);
      if (problems.length > 0) throw new Failure(`${problems.length} corrupted files were handled wrongly`);
    });
  }
});
