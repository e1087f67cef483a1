// npm start [-- options]: sets up, builds, and runs the demo (`kwta demo --help` lists its options).
import { build } from './build.mjs';
import { main, root, tryRun } from './lib/steps.mjs';

await main(async () => {
  await build();
  console.log();
  const { code } = await tryRun(process.execPath, ['dist/cli/main.js', 'demo', ...process.argv.slice(2)], {
    cwd: root,
  });
  process.exitCode = code;
});
