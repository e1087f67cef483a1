// npm start [-- options]: sets up, builds, and runs the demo (`kwta demo --help` lists its options).
import { build } from './build.mjs';
import { main, root, tryRun } from './lib/steps.mjs';

const args = process.argv.slice(2);

await main(async () => {
  // The kernels that the demo chooses here: the two other builds of them take longer than all else.
  await build(async () => {
    const { relaxedSimd } = await import('wasm-feature-detect');
    return (await relaxedSimd()) && !args.includes('--deterministic') ? 'relaxed-threads' : 'simd-threads';
  });
  console.log();
  const { code } = await tryRun(process.execPath, ['dist/cli/main.js', 'demo', ...args], { cwd: root });
  process.exitCode = code;
});
