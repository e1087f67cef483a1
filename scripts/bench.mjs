// npm run bench [-- options]: builds, then runs the benchmarks of bench/.
import { build } from './build.mjs';
import { main, tryRun } from './lib/steps.mjs';

await main(async () => {
  await build();
  const { code } = await tryRun(process.execPath, ['bench/main.mjs', ...process.argv.slice(2)]);
  process.exitCode = code;
});
