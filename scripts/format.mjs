// npm run format: writes all sources in the project's format.
import { ensurePackages } from './lib/packages.mjs';
import { nativeEnvironment } from './lib/rust.mjs';
import { main, run, runPackage } from './lib/steps.mjs';

await main(async () => {
  await ensurePackages();
  await runPackage('@biomejs/biome/bin/biome', ['check', '--write', '.']);
  await run('cargo', ['fmt', '--all'], { env: await nativeEnvironment(['fmt']) });
});
