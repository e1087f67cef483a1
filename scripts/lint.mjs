// npm run lint: formats, lints, types and the dependency arrow; every warning is an error.
import { pathToFileURL } from 'node:url';
import { build } from './build.mjs';
import { checkDependencyArrow } from './check-dependency-arrow.mjs';
import { nativeEnvironment } from './lib/rust.mjs';
import { Failure, main, note, root, run, runPackage, stage, tryRun } from './lib/steps.mjs';
import { cargoOptions, wasmEnvironment } from './lib/wasm.mjs';

/** Runs all checks; the tests of types need the build. */
export async function lint() {
  await stage('Lint: biome (format and rules)', () =>
    runPackage('@biomejs/biome/bin/biome', ['check', '--error-on-warnings', '.']),
  );
  await stage('Lint: types of tests, scripts and benches', () =>
    runPackage('typescript/bin/tsc', ['-p', 'tsconfig.check.json']),
  );
  await stage('Lint: types of the demo page', () =>
    runPackage('typescript/bin/tsc', ['-p', 'site/page/tsconfig.json']),
  );
  await stage('Lint: dependency arrow, places of unsafe code', () => {
    const violations = checkDependencyArrow(root);
    for (const violation of violations) console.error(`   ${violation}`);
    if (violations.length > 0) throw new Failure(`${violations.length} imports go against the arrow of dependencies.`);
  });
  const native = await nativeEnvironment(['fmt', 'clippy']);
  await stage('Lint: rustfmt', () => run('cargo', ['fmt', '--all', '--check'], { env: native }));
  const clippy = ['clippy', '--quiet', '--workspace', '--all-targets'];
  const strict = ['--', '-D', 'warnings'];
  await stage('Lint: clippy, native', async () => {
    await run('cargo', [...clippy, ...strict], { env: native });
    await run('cargo', [...clippy, '--features', 'threads', ...strict], { env: native });
  });
  await stage('Lint: clippy, WebAssembly', async () => {
    const variant = { threads: true, relaxed: true };
    const env = await wasmEnvironment(variant);
    if ((await tryRun('cargo', ['clippy', '--version'], { env, capture: true })).code !== 0) {
      note('SKIPPED: the toolchain that builds for WebAssembly has no clippy');
      return;
    }
    const target = [
      '--release',
      '--target',
      'wasm32-unknown-unknown',
      ...cargoOptions(variant),
      '--features',
      'threads',
    ];
    await run('cargo', ['clippy', '--quiet', '--workspace', '--lib', ...target, ...strict], { env });
  });
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(async () => {
    await build();
    await lint();
  });
}
