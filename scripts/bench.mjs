// npm run bench [-- options]: builds, then runs the benchmarks of bench/.
import { readOptions, usage } from '../bench/options.mjs';
import { build } from './build.mjs';
import { Failure, main, tryRun } from './lib/steps.mjs';

await main(async () => {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(usage);
    return;
  }
  try {
    readOptions(args);
  } catch (error) {
    throw new Failure(`${error instanceof Error ? error.message : error}\n\n${usage}`);
  }
  await build();
  const { code } = await tryRun(process.execPath, ['bench/main.mjs', ...args]);
  process.exitCode = code;
});
