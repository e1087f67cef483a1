// npm start [-- options]: sets up, builds, and runs the demo (`kwta demo --help` lists its options).
import { build } from './build.mjs';
import { main, root, tryRun } from './lib/steps.mjs';

const args = process.argv.slice(2);

await main(async () => {
  // The kernels that the demo chooses here: the two other builds of them take longer than all else.
  const fused = Number.parseInt(process.versions.node, 10) > 20 && !args.includes('--deterministic');
  await build(fused ? 'relaxed-threads' : 'simd-threads');
  console.log();
  const { code } = await tryRun(process.execPath, ['dist/cli/main.js', 'demo', ...args], { cwd: root });
  process.exitCode = code;
});
