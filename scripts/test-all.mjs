// npm run test:all: every test of `npm test`, and what takes too long to run with each change.
import path from 'node:path';
import { main, root, run } from './lib/steps.mjs';

await main(async () => {
  for (const [script, ...args] of [['test.mjs'], ['test.mjs', 'environments'], ['corrupt.mjs'], ['kill.mjs']])
    await run(process.execPath, [path.join(root, 'scripts', script), ...args]);
});
