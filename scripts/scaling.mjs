// npm run scaling: how many times as fast the gradients of ResNet-18's convolutions would be on 2 to 64 threads. One thread
// runs all pieces, and their times are laid out on so many (crates/kernels/src/parallel/simulation.rs).
import path from 'node:path';
import { nativeEnvironment } from './lib/rust.mjs';
import { cache, main, run } from './lib/steps.mjs';

await main(async () => {
  const native = await nativeEnvironment();
  const output = await run('cargo', ['bench', '-q', '-p', 'kwta-kernels', '--bench', 'scaling'], {
    env: { ...native, CARGO_TARGET_DIR: path.join(cache, 'target', 'scaling'), RUSTFLAGS: '--cfg kwta_simulate' },
    capture: true,
  });
  /** @type {{ layer: string, pass: string, ms: Record<string, number> }[]} */
  const rows = output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const threads = Object.keys(rows[0].ms).slice(1);
  console.log(`| layer | pass | ms, 1 thread | ${threads.join(' | ')} |\n|${' --- |'.repeat(3 + threads.length)}`);
  for (const { layer, pass, ms } of rows) {
    const times = threads.map((count) => (ms[1] / ms[count]).toFixed(1));
    console.log(`| ${layer} | ${pass} | ${ms[1].toFixed(1)} | ${times.join(' | ')} |`);
  }
});
